// Where panels stand. In: a board's panels with their places on Grafana's grid of 24 columns. Out: the panels in reading order with
// pixels; rows that are shut are opened on demand, so that every panel is drawn.

/** Grafana's own measures. */
const COLUMNS = 24;
const CELL = 30;
const GAP = 8;

/** Opens the rows: what stood below moves down by what was hidden. */
function opened(panels) {
  let down = 0;
  const found = [];
  const inOrder = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  for (const panel of inOrder) {
    const moved = { ...panel, gridPos: { ...panel.gridPos, y: panel.gridPos.y + down } };
    found.push(moved);
    if (panel.type !== 'row' || !panel.collapsed || !panel.panels?.length) continue;
    const top = Math.min(...panel.panels.map((one) => one.gridPos.y));
    const bottom = Math.max(...panel.panels.map((one) => one.gridPos.y + one.gridPos.h));
    const first = moved.gridPos.y + 1;
    for (const one of panel.panels) found.push({ ...one, gridPos: { ...one.gridPos, y: one.gridPos.y - top + first } });
    down += bottom - top;
  }
  return found;
}

/** The places of all panels on a page of this width, and the height they need. Pixels. */
export function place(panels, width, shut) {
  const column = (width - GAP * (COLUMNS + 1)) / COLUMNS;
  const placed = (shut ? panels : opened(panels)).map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    return {
      panel,
      left: GAP + x * (column + GAP),
      top: y * (CELL + GAP),
      width: w * column + (w - 1) * GAP,
      height: h * CELL + (h - 1) * GAP,
    };
  });
  return { placed, height: Math.max(0, ...placed.map((one) => one.top + one.height)) + GAP };
}
