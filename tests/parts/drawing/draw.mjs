// Draws boards in a headless Chromium. In: a job as JSON on stdin:
//   { folder, chromium, out, prometheus, scrape, scale, width, boards: [{ name, board, chosen, shut, from, to }] }
// where `folder` is what build.mjs filled, times are milliseconds, `scale` says how much shorter the run is than the time it stands for,
// and `shut` leaves rows as the board has them. Out: out/NAME.png for each board, and on stdout the facts that the page reports, with
// what its console said, as JSON.

import { createRequire } from 'node:module';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const job = JSON.parse(fs.readFileSync(0, 'utf8'));
const { chromium } = createRequire(path.join(job.folder, 'package.json'))('playwright-core');
const api = `${job.prometheus}/api/`;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
/** Tables draw the rows that a window shows: one in which every board fits. */
const TALL = 5000;
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The page is served under Prometheus's own address, so that its queries stay within one origin; nothing else is reachable. */
async function serve(context) {
  const pages = `${job.prometheus}/drawing/`;
  await context.route('**/*', async (route) => {
    const url = route.request().url();
    if (url.startsWith(api)) return route.continue();
    if (!url.startsWith(pages)) return route.abort();
    const file = path.join(job.folder, 'page', decodeURIComponent(new URL(url).pathname.slice('/drawing/'.length)));
    if (!fs.existsSync(file)) return route.fulfill({ status: 404, body: '' });
    return route.fulfill({ path: file, contentType: TYPES[path.extname(file)] });
  });
  return `${pages}index.html`;
}

async function draw(page, { name, ...board }) {
  const console = [];
  // What Prometheus refuses is told by the panel that asked.
  const listen = (message) => {
    const { url } = message.location();
    if (message.type() === 'error' && !url.startsWith(api)) console.push(`${message.text()} ${url}`);
  };
  const fail = (error) => console.push(String(error.stack ?? error));
  page.on('console', listen);
  page.on('pageerror', fail);
  const { scrape, scale, width } = job;
  const report = await page.evaluate((one) => window.drawBoard(one), { ...board, scrape, scale, width });
  await page.locator('#whole').screenshot({ path: path.join(job.out, `${name}.png`) });
  page.off('console', listen);
  page.off('pageerror', fail);
  return { name, console, ...report };
}

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'drawing-'));
try {
  fs.mkdirSync(job.out, { recursive: true });
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: job.chromium,
    headless: true,
    args: FLAGS,
    viewport: { width: job.width, height: TALL },
  });
  const address = await serve(context);
  const page = context.pages()[0];
  await page.goto(address);
  await page.waitForFunction(() => window.drawBoard);
  const reports = [];
  for (const board of job.boards) reports.push(await draw(page, board));
  await context.close();
  process.stdout.write(JSON.stringify(reports));
} finally {
  fs.rmSync(profile, { recursive: true, force: true });
}
