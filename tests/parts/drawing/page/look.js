// What a drawn panel shows. In: the panel as prepared, its element on the page. Out: facts for the test to judge: queries, units, text,
// numbers, and which series have no pixel of their colour on the canvas.

import { FieldType, getFieldDisplayName, getFieldSeriesColor, getValueFormats } from '@grafana/data';
import { painted, pixels } from './pixels.js';

const UNITS = new Set(getValueFormats().flatMap((category) => category.submenu.map((format) => format.value)));
/** Units that carry their own text: `suffix: tokens`, `currency:EUR`. */
const SPELLED = /^(suffix|prefix|time|si|count|currency|bool):/;

/** Units that the panel names, whether Grafana knows them, and the values that they stand for. */
function units(panel, frames) {
  const named = [
    panel.fieldConfig?.defaults?.unit,
    ...(panel.fieldConfig?.overrides ?? []).flatMap((rule) => rule.properties.filter((one) => one.id === 'unit').map((one) => one.value)),
  ].filter(Boolean);
  const fields = frames.flatMap((frame) =>
    frame.fields
      .filter((field) => field.type === FieldType.number)
      .map((field) => ({ name: getFieldDisplayName(field, frame, frames), unit: field.config.unit ?? null, ...extremes(field.values) }))
  );
  return { named, unknown: named.filter((unit) => !UNITS.has(unit) && !SPELLED.test(unit)), fields };
}

function extremes(values) {
  const finite = values.filter(Number.isFinite);
  return { least: finite.length ? Math.min(...finite) : null, most: finite.length ? Math.max(...finite) : null };
}

/** Series of a chart that have values, with how many pixels carry their colour, and whether another line must lie over them. */
function series({ panel, frames, painted: found }, theme) {
  if (panel.type !== 'timeseries' || !found) return [];
  const all = frames.flatMap((frame) =>
    frame.fields
      .filter((field) => field.type === FieldType.number && !field.config.custom?.hideFrom?.viz && field.values.some(Number.isFinite))
      .map((field) => ({ field, frame, points: pointsOf(frame, field) }))
  );
  const most = Math.max(...all.flatMap((one) => [...one.points.values()].map(Math.abs)));
  return all.map(({ field, frame, points }) => {
    const { color } = getFieldSeriesColor(field, theme);
    const others = all.filter((one) => one.field !== field).map((one) => one.points);
    return { name: getFieldDisplayName(field, frame, frames), color, pixels: pixels(found, color), covered: isCovered(points, others, most / 100) };
  });
}

function pointsOf(frame, field) {
  const time = frame.fields.find((one) => one.type === FieldType.time);
  return new Map(field.values.map((value, index) => [time.values[index], value]).filter(([, value]) => Number.isFinite(value)));
}

/** Whether at each time it is too near to zero, or to another series, to be seen. */
function isCovered(points, others, near) {
  return [...points].every(([time, value]) => Math.abs(value) <= near || others.some((other) => Math.abs(other.get(time) - value) <= near));
}

/** How many values are shown, of all frames. */
function valuesShown(frames) {
  const fields = frames.flatMap((frame) => frame.fields.filter((field) => field.type !== FieldType.time));
  return fields.reduce((sum, field) => sum + field.values.filter((value) => value != null && value !== '' && !Number.isNaN(value)).length, 0);
}

/** The titles and legends that do not fit and end in dots. */
function cutTexts(element) {
  return [...element.querySelectorAll('*')]
    .filter((one) => one.children.length === 0 && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).textOverflow === 'ellipsis')
    .map((one) => one.textContent);
}

export function look(prepared, element, theme) {
  const { panel, title, frames, facts, error } = prepared;
  const canvas = painted(element.querySelectorAll('canvas'));
  return {
    title,
    type: panel.type,
    queries: facts,
    fault: error ?? element.querySelector('[data-fault]')?.textContent ?? null,
    values: valuesShown(frames),
    canvas: [...canvas.values()].reduce((sum, count) => sum + count, 0),
    units: units(panel, frames),
    series: series(prepared, theme),
    text: element.innerText.replace(/\s+/g, ' ').trim(),
    cut: cutTexts(element),
  };
}
