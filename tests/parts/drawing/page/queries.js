// The queries of a panel. In: its targets, its width, the time range. Out: data frames as Grafana's Prometheus data source makes them,
// and one fact sheet a query: what was asked, how many series and samples came, or the error.

import { CoreApp, DataFrameType, FieldType, rangeUtil } from '@grafana/data';
import { transformV2 } from '@grafana/prometheus/dist/esm/result_transformer.mjs';
import { atOnce, exemplars, overRange } from './prometheus.js';

/** Most points that Grafana asks of Prometheus in one query. */
const MOST_POINTS = 11000;

/** Step and rate interval as Grafana computes them; all in milliseconds. A board's own least steps shrink with the time of the run. */
function interval(panel, target, width, { range, scrape, scale }, fill) {
  const lowest = Math.max(scrape, milliseconds(fill(target.interval || panel.interval || '')) / scale);
  const { intervalMs } = rangeUtil.calculateInterval(range, panel.maxDataPoints ?? width, `${lowest}ms`);
  const span = range.to.valueOf() - range.from.valueOf();
  const step = Math.max(intervalMs * (target.intervalFactor ?? 1), Math.ceil(span / MOST_POINTS / 1000) * 1000, scrape);
  return { step, rate: Math.max(step + scrape, 4 * scrape) };
}

function milliseconds(text) {
  return text ? rangeUtil.intervalToMs(text.replace(/^[<>]=?/, '')) : 0;
}

/** What Grafana fills in besides the board's own variables. */
function builtIn({ step, rate }, range) {
  const span = Math.round((range.to.valueOf() - range.from.valueOf()) / 1000);
  return {
    __interval: duration(step),
    __interval_ms: String(step),
    __rate_interval: duration(rate),
    __range: `${span}s`,
    __range_s: String(span),
    __range_ms: String(span * 1000),
  };
}

/** A length of time in the words of Prometheus: whole seconds where it is one. */
function duration(length) {
  return length % 1000 === 0 ? `${length / 1000}s` : `${Math.round(length)}ms`;
}

/** The name of a series: the legend format filled in, else the series itself. */
function legend(target, metric) {
  const format = target.legendFormat;
  if (format && format !== '__auto') return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => metric[label] ?? '');
  const { __name__: name = '', ...labels } = metric;
  const text = Object.entries(labels).map(([label, value]) => `${label}="${value}"`).join(', ');
  return text ? `${name}{${text}}` : name || target.expr;
}

/** A series as a frame of two fields. */
function frame(target, { metric, values }, step, type) {
  return {
    refId: target.refId,
    meta: { type, typeVersion: [0, 1], custom: { resultType: type === DataFrameType.NumericMulti ? 'vector' : 'matrix' } },
    length: values.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: step ? { interval: step } : {}, values: values.map(([time]) => time * 1000) },
      {
        name: 'Value',
        type: FieldType.number,
        labels: metric,
        config: { displayNameFromDS: legend(target, metric) },
        values: values.map(([, value]) => sample(value)),
      },
    ],
  };
}

function sample(text) {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}

/** Runs one target; a failed query is a fact, not an end. */
async function run(panel, target, width, time, fill) {
  const steps = interval(panel, target, width, time, fill);
  const query = fill(target.expr, builtIn(steps, time.range));
  const fact = { ref: target.refId, query, series: 0, samples: 0, exemplars: 0 };
  const seconds = aligned(time.range, steps.step);
  try {
    const [series, type] = target.instant
      ? [await atOnce(query, seconds.exact), DataFrameType.NumericMulti]
      : [await overRange(query, seconds, steps.step / 1000), DataFrameType.TimeSeriesMulti];
    fact.series = series.length;
    fact.samples = series.reduce((sum, one) => sum + one.values.filter(([, value]) => value !== 'NaN').length, 0);
    const points = target.exemplar ? sampled(await exemplars(query, seconds), steps.step) : [];
    fact.exemplars = points.length;
    return { fact, frames: series.map((one) => frame(target, one, target.instant ? 0 : steps.step, type)), points };
  } catch (error) {
    fact.error = String(error.message ?? error);
    return { fact, frames: [], points: [] };
  }
}

/** As Grafana thins out exemplars: of each step the greatest, and those that are two standard deviations from the last one kept. */
function sampled(series, step) {
  const all = series.flatMap((one) => one.exemplars.map(({ timestamp, value }) => ({ time: timestamp * 1000, value: Number(value) })));
  const mean = all.reduce((sum, one) => sum + one.value, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((sum, one) => sum + (one.value - mean) ** 2, 0) / Math.max(all.length - 1, 1));
  const steps = Map.groupBy(all.sort((a, b) => b.value - a.value), (one) => Math.floor(one.time / step));
  return [...steps.values()].flatMap((inStep) => {
    const kept = [];
    for (const one of inStep) if (!kept.length || kept.at(-1).value - one.value > 2 * deviation) kept.push(one);
    return kept;
  });
}

/** Grafana asks on multiples of the step, so that a refresh does not shake the lines. Seconds. */
function aligned(range, step) {
  const on = (time) => (Math.floor(time / step) * step) / 1000;
  return { from: on(range.from.valueOf()), to: on(range.to.valueOf()), exact: range.to.valueOf() / 1000 };
}

/** Runs every target of a panel that is not hidden. */
export async function runQueries(panel, width, time, fill) {
  const targets = (panel.targets ?? []).filter((target) => !target.hide && target.expr);
  const runs = await Promise.all(targets.map((target) => run(panel, target, width, time, fill)));
  const response = { data: runs.flatMap((one) => one.frames) };
  const frames = response.data.length ? transformV2(response, { targets, app: CoreApp.Dashboard }, {}).data : [];
  return { frames, facts: runs.map((one) => one.fact), exemplars: runs.flatMap((one) => one.points) };
}

/** The annotations of a board: spans of time during which a series was there. Times in milliseconds. */
export async function runAnnotations(list, time, fill) {
  const marks = [];
  for (const annotation of list.filter((one) => one.enable && one.expr)) {
    const step = Math.max(milliseconds(annotation.step ?? '') / time.scale, time.scrape);
    const series = await overRange(fill(annotation.expr), aligned(time.range, step), step / 1000);
    for (const { metric, values } of series) {
      for (const [from, to] of stretches(values, step)) {
        marks.push({ from, to, color: annotation.iconColor ?? '#8ab8ff', title: legend({ legendFormat: annotation.titleFormat }, metric) });
      }
    }
  }
  return marks;
}

/** Joins samples that follow each other within a step. */
function stretches(values, step) {
  const found = [];
  for (const [seconds, value] of values) {
    if (Number(value) === 0) continue;
    const at = seconds * 1000;
    const last = found.at(-1);
    if (last && at - last[1] <= step * 1.5) last[1] = at;
    else found.push([at, at]);
  }
  return found;
}
