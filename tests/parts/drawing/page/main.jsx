// The page that draws a board. In: `drawBoard(job)` with the board, the time range, and what was chosen for its variables. Out: the
// board on the page, and a fact sheet a panel for the test to judge.

import { createTheme, dateTime, ThemeContext } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { Board, Drawn } from './board.jsx';
import { fillRegistries, transformed, withFields } from './fields.js';
import { place } from './layout.js';
import { look } from './look.js';
import { PANELS } from './panels.jsx';
import { runAnnotations, runQueries } from './queries.js';
import { fillVariables } from './variables.js';

const theme = createTheme({ colors: { mode: 'dark' } });
fillRegistries();
const root = createRoot(document.getElementById('board'));

/** Data and facts of one panel; what goes wrong is a fact. */
async function prepare(spot, time, fill, annotations) {
  const { panel } = spot;
  const prepared = { ...spot, title: fill(panel.title ?? ''), frames: [], facts: [], exemplars: [], annotations };
  try {
    if (!PANELS[panel.type]) throw new Error(`panel type ${panel.type} cannot be drawn here`);
    if (panel.repeat) throw new Error('repeated panels cannot be drawn here');
    const { frames, facts, exemplars } = await runQueries(panel, Math.round(spot.width), time, fill);
    Object.assign(prepared, { facts, exemplars });
    prepared.frames = withFields(await transformed(frames, panel, fill), panel, { theme, fill });
  } catch (error) {
    prepared.error = String(error.message ?? error);
  }
  return prepared;
}

/** A canvas draws with the fonts that are there: Grafana's come with its styles. */
const fonts = (async () => {
  await rendered((done) => <Drawn onDrawn={done} />);
  await Promise.all(['400 12px Inter', '500 14px Inter', "400 12px 'Roboto Mono'"].map((font) => document.fonts.load(font)));
})();

/** Renders under Grafana's theme and styles; done when React has put it on the page. */
function rendered(content) {
  return new Promise((done) => {
    root.render(
      <ThemeContext.Provider value={theme}>
        <GlobalStyles />
        {content(done)}
      </ThemeContext.Provider>
    );
  });
}

/** Tables and repeaters measure themselves before they draw: done when nothing on the page changes any more. */
async function settled() {
  let before = '';
  while (before !== document.body.innerHTML) {
    before = document.body.innerHTML;
    await new Promise((done) => setTimeout(done, 250));
    await new Promise((done) => requestAnimationFrame(done));
  }
}

window.drawBoard = async ({ board, chosen, shut, from, to, scrape, scale, width }) => {
  const range = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };
  const time = { range, scrape, scale };
  const { known, fill } = await fillVariables(board.templating?.list ?? [], chosen, { from: from / 1000, to: to / 1000 });
  const annotations = await runAnnotations(board.annotations?.list ?? [], time, fill);
  const { placed, height } = place(board.panels, width, shut);
  const panels = await Promise.all(placed.map((spot) => prepare(spot, time, fill, annotations)));
  const head = { title: board.title, variables: known, range };
  await fonts;
  await rendered((done) => <Board key={performance.now()} {...head} width={width} height={height} panels={panels} fill={fill} onDrawn={done} />);
  await settled();
  return {
    annotations: annotations.length,
    panels: panels.map((panel, index) => look(panel, document.getElementById(`panel-${index}`), theme)),
  };
};
