// What lies over a time series: annotations as spans of time, exemplars as points. In: uPlot's builder. Out: hooks that paint on its
// canvas, in the looks of Grafana's own plugins, which are not published; and the colours that were there before them.

import { painted } from './pixels.js';

const marked = new WeakSet();

/** Adds the marks to a chart, once; nothing of them is React. */
export function addMarks(builder, { prepared, theme }) {
  if (marked.has(builder)) return null;
  marked.add(builder);
  builder.addHook('draw', (plot) => {
    prepared.painted = painted([plot.ctx.canvas]);
    plot.ctx.save();
    plot.ctx.beginPath();
    plot.ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
    plot.ctx.clip();
    for (const mark of prepared.annotations) span(plot, mark);
    for (const point of prepared.exemplars) diamond(plot, point, theme);
    plot.ctx.restore();
  });
  return null;
}

/** A dashed line where it begins, and a tint for as long as it lasts. */
function span(plot, { from, to, color }) {
  const left = plot.valToPos(from, 'x', true);
  const right = plot.valToPos(to, 'x', true);
  const { ctx, bbox } = plot;
  ctx.fillStyle = color;
  ctx.globalAlpha = 0.1;
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.globalAlpha = 1;
  ctx.fillRect(left, bbox.top + bbox.height - 4, Math.max(right - left, 4), 4);
  ctx.strokeStyle = color;
  ctx.setLineDash([5, 5]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** An exemplar stands at its own value, or at the edge of what the axis shows. */
function diamond(plot, { time, value }, theme) {
  const key = plot.series[1]?.scale;
  const scale = plot.scales[key];
  if (!scale || scale.min == null || time < plot.scales.x.min || time > plot.scales.x.max) return;
  const size = 4;
  const x = plot.valToPos(time, 'x', true);
  const y = plot.valToPos(Math.min(Math.max(value, scale.min), scale.max), key, true);
  const inside = Math.min(Math.max(y, plot.bbox.top + size), plot.bbox.top + plot.bbox.height - size);
  const { ctx } = plot;
  ctx.fillStyle = theme.visualization.getColorByName('super-light-blue');
  ctx.beginPath();
  ctx.moveTo(x, inside - size);
  ctx.lineTo(x + size, inside);
  ctx.lineTo(x, inside + size);
  ctx.lineTo(x - size, inside);
  ctx.fill();
}
