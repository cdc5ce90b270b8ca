// State timelines, which Grafana does not publish as a component. In: prepared frames, one row a series. Out: uPlot through Grafana's own
// builder for axes and time, with the states painted as bars of their mapped colour and text.

import { FieldType, formattedValueToString, getFieldDisplayName } from '@grafana/data';
import { Pagination, UPlotChart, UPlotConfigBuilder, useTheme2, VizLayout, VizLegend } from '@grafana/ui';
import { useMemo } from 'react';

/** Rows on a page where the board says nothing, and the height of the line that turns the pages. */
const ROWS = 20;
const PAGER = 40;
/** Below this height of a bar, pixels, its text has no room. */
const TEXT = 14;

/** The stretches of equal state in one series; a state lasts until the next sample, or one step where there is none. */
function stretches(frame, field) {
  const time = frame.fields.find((one) => one.type === FieldType.time);
  const step = time.config.interval ?? Infinity;
  const found = [];
  field.values.forEach((value, index) => {
    if (value == null || Number.isNaN(value)) return;
    const from = time.values[index];
    const shown = field.display(value);
    const state = { from, to: Math.min(time.values[index + 1] ?? from + step, from + step), text: formattedValueToString(shown), color: shown.color };
    const last = found.at(-1);
    if (last && last.text === state.text && state.from <= last.to) last.to = state.to;
    else found.push(state);
  });
  return found;
}

/** Every series as a named row. */
function rows(frames) {
  return frames.flatMap((frame) =>
    frame.fields
      .filter((field) => field.type !== FieldType.time && !field.config.custom?.hideFrom?.viz)
      .map((field) => ({
        name: getFieldDisplayName(field, frame, frames),
        opacity: (field.config.custom?.fillOpacity ?? 70) / 100,
        states: stretches(frame, field),
      }))
  );
}

function builder(all, range, theme, rowHeight) {
  const config = new UPlotConfigBuilder('utc');
  config.addScale({ scaleKey: 'x', orientation: 0, direction: 1, isTime: true, range: () => [range.from.valueOf(), range.to.valueOf()] });
  config.addScale({ scaleKey: 'y', orientation: 1, direction: -1, range: () => [0, all.length] });
  config.addAxis({ scaleKey: 'x', isTime: true, placement: 'bottom', timeZone: 'utc', theme });
  config.addAxis({
    scaleKey: 'y',
    placement: 'left',
    theme,
    grid: { show: false },
    ticks: { show: false },
    splits: all.map((_, index) => index + 0.5),
    values: all.map((row) => row.name),
  });
  config.addSeries({ scaleKey: 'y', theme, show: true, drawStyle: 'points', pathBuilder: () => null, pointsBuilder: () => undefined });
  config.setPrepData(() => [[range.from.valueOf(), range.to.valueOf()], [0, all.length]]);
  config.addHook('draw', (plot) => all.forEach((row, index) => paint(plot, row, index, all.length, rowHeight, theme)));
  return config;
}

function paint(plot, row, index, count, share, theme) {
  const { ctx, bbox } = plot;
  const height = bbox.height / count;
  const top = bbox.top + index * height + (height * (1 - share)) / 2;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `12px ${theme.typography.fontFamily}`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  for (const state of row.states) {
    const left = plot.valToPos(state.from, 'x', true);
    const width = Math.max(plot.valToPos(state.to, 'x', true) - left, 1);
    ctx.globalAlpha = row.opacity;
    ctx.fillStyle = state.color ?? theme.colors.text.disabled;
    ctx.fillRect(left, top, width, height * share);
    ctx.globalAlpha = 1;
    if (height * share < TEXT || ctx.measureText(state.text).width + 8 > width) continue;
    ctx.fillStyle = theme.colors.text.maxContrast;
    ctx.fillText(state.text, left + 4, top + (height * share) / 2);
  }
  ctx.restore();
}

/** The states that are on the chart, each once. */
function legendItems(all) {
  const seen = new Map(all.flatMap((row) => row.states.map((state) => [state.text, state.color])));
  return [...seen].map(([label, color]) => ({ label, color, yAxis: 1 }));
}

export function StateTimeline({ prepared, width, height, range }) {
  const theme = useTheme2();
  const { panel, frames } = prepared;
  const { rowHeight = 0.9, perPage = ROWS, legend: wanted } = panel.options ?? {};
  const every = useMemo(() => rows(frames), [frames]);
  const all = useMemo(() => every.slice(0, perPage || every.length), [every, perPage]);
  const config = useMemo(() => builder(all, range, theme, rowHeight), [all, range, theme, rowHeight]);
  if (!all.some((row) => row.states.length)) return <div>{panel.fieldConfig?.defaults?.noValue ?? 'No data'}</div>;
  const pages = Math.ceil(every.length / all.length);
  const legend = wanted?.showLegend !== false && (
    <VizLayout.Legend placement="bottom">
      <VizLegend placement="bottom" displayMode="list" items={legendItems(all)} />
    </VizLayout.Legend>
  );
  return (
    <>
      <VizLayout width={width} height={pages > 1 ? height - PAGER : height} legend={legend || null}>
        {(inner, tall) => <UPlotChart config={config} data={config.prepData([])} width={inner} height={tall} />}
      </VizLayout>
      {pages > 1 && <Pagination currentPage={1} numberOfPages={pages} onNavigate={() => {}} />}
    </>
  );
}
