// Bundles the page that draws. In: page/ beside this file, and the packages of `npm ci` in FOLDER/node_modules. Out: FOLDER/page
// with one script, one style sheet, the icons, and index.html; of node_modules only what a later run of this file reads.
// Usage: node build.mjs FOLDER

import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const source = path.dirname(new URL(import.meta.url).pathname);
const folder = path.resolve(process.argv[2]);
const modules = path.join(folder, 'node_modules');
const out = path.join(folder, 'page');
const { build } = createRequire(path.join(folder, 'package.json'))('esbuild');

/** Parts of the packages that drawing never reaches: routers, editors, maps. They would be most of the bundle. */
const UNUSED = /^(react-router-dom.*|util|tty|monaco-editor.*|ol|ol\/.*|@grafana\/faro-web-sdk|monaco-promql.*)$/;

/** Where Grafana's styles look for its fonts, and which file answers; the first holds every weight. */
const INTER = '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2';
const MONO = '@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2';
const FONTS = [
  ['inter/Inter-Regular.woff2', INTER],
  ['inter/Inter-Medium.woff2', INTER],
  ['roboto/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2', MONO],
];

/** Answers for what is left out: an empty module, or our own stand-in. */
const leaveOut = {
  name: 'leave-out',
  setup(on) {
    on.onResolve({ filter: UNUSED }, (found) => ({ path: found.path, namespace: 'left-out' }));
    on.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}', loader: 'js' }));
    // Two files of the Prometheus data source, which its package does not list as its own.
    on.onResolve({ filter: /^@grafana\/prometheus\/dist\// }, (found) => ({ path: path.join(modules, found.path) }));
    on.onResolve({ filter: /^@grafana\/runtime$/ }, () => ({ path: path.join(source, 'page/runtime.js') }));
  },
};

/** Removes every file of node_modules that no bundle of ours has read; returns the bytes that are left. */
function prune(inputs) {
  const keep = new Set(inputs.map((input) => path.resolve(folder, input)));
  const whole = ['esbuild', '@esbuild', 'playwright-core', '@grafana/ui/dist/public'].map((name) => path.join(modules, name) + path.sep);
  let left = 0;
  const walk = (at) => {
    for (const entry of fs.readdirSync(at, { withFileTypes: true })) {
      const file = path.join(at, entry.name);
      if (entry.isDirectory()) {
        walk(file);
        if (fs.readdirSync(file).length === 0) fs.rmdirSync(file);
      } else if (keep.has(file) || entry.name === 'package.json' || file === path.join(modules, INTER) || file === path.join(modules, MONO) || whole.some((prefix) => file.startsWith(prefix))) {
        left += fs.statSync(file).size;
      } else {
        fs.rmSync(file);
      }
    }
  };
  walk(modules);
  return left;
}

fs.rmSync(out, { recursive: true, force: true });
const result = await build({
  absWorkingDir: folder,
  entryPoints: { page: path.join(source, 'page/main.jsx') },
  outdir: out,
  bundle: true,
  format: 'esm',
  minify: true,
  jsx: 'automatic',
  metafile: true,
  nodePaths: [modules],
  plugins: [leaveOut],
  loader: { '.svg': 'file', '.png': 'file' },
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  logOverride: { 'direct-eval': 'silent' },
  logLevel: 'warning',
});
fs.cpSync(path.join(modules, '@grafana/ui/dist/public'), path.join(out, 'public'), { recursive: true });
fs.cpSync(path.join(out, 'public/img'), path.join(out, 'public/build/img'), { recursive: true });
for (const [name, file] of FONTS) {
  fs.mkdirSync(path.dirname(path.join(out, 'public/fonts', name)), { recursive: true });
  fs.cpSync(path.join(modules, file), path.join(out, 'public/fonts', name));
}
fs.writeFileSync(
  path.join(out, 'index.html'),
  '<!doctype html><meta charset="utf-8"><title>drawing</title><link rel="stylesheet" href="page.css"><body><div id="board"></div><script>window.__grafana_public_path__ = "public/"</script><script type="module" src="page.js"></script>'
);
const left = prune(Object.keys(result.metafile.inputs).filter((input) => !input.includes(':')));
console.log(`${Math.round(left / 1e6)} MB of packages kept`);
