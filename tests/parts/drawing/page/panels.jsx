// What draws each type of panel. In: prepared frames, the inner size of the panel, the time range. Out: React. A type that is not in
// PANELS cannot be drawn, and the test says so.

import { cacheFieldDisplayNames, FieldType, getDisplayValueAlignmentFactors, getFieldDisplayValues, renderTextPanelMarkdown } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, useTheme2, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { addMarks } from './marks.js';
import { StateTimeline } from './timeline.jsx';

/** What Grafana shows in place of a chart without data. */
function NoData({ prepared }) {
  return <div style={{ display: 'grid', placeItems: 'center', height: '100%' }}>{prepared.panel.fieldConfig?.defaults?.noValue ?? 'No data'}</div>;
}

/** A chart has no place for what is not finite. */
function finite(frame) {
  const fields = frame.fields.map((field) =>
    field.type === FieldType.number ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) } : field
  );
  return { ...frame, fields };
}

function Lines({ prepared, width, height, range }) {
  const theme = useTheme2();
  const { frames, panel } = prepared;
  const drawable = frames.filter((frame) => frame.fields.some((field) => field.type === FieldType.time));
  if (!drawable.length) return <NoData prepared={prepared} />;
  const legend = { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [], ...panel.options?.legend };
  return (
    <TimeSeries frames={drawable.map(finite)} width={width} height={height} timeRange={range} timeZone="utc" legend={legend} options={panel.options}>
      {(builder) => addMarks(builder, { prepared, theme })}
    </TimeSeries>
  );
}

/** The single values that stat and bar gauge panels show. */
function values({ prepared, range, fill }, theme) {
  const { panel, frames } = prepared;
  const reduceOptions = { calcs: ['lastNotNull'], values: false, fields: '', ...panel.options?.reduceOptions };
  return getFieldDisplayValues({
    fieldConfig: { defaults: {}, overrides: [], ...panel.fieldConfig },
    reduceOptions,
    replaceVariables: (text) => fill(text),
    theme,
    data: frames,
    sparkline: panel.type === 'stat' && (panel.options?.graphMode ?? 'area') !== 'none',
    timeZone: 'utc',
  }).map((value) => ({ ...value, sparkline: value.sparkline && { ...value.sparkline, timeRange: range } }));
}

function Repeated({ all, width, height, prepared, spacing, grid, render }) {
  return (
    <VizRepeater
      getValues={() => all}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={render}
      width={width}
      height={height}
      source={prepared}
      itemSpacing={spacing}
      renderCounter={0}
      autoGrid={grid}
      orientation={prepared.panel.options?.orientation ?? 'auto'}
      minVizWidth={8}
      minVizHeight={16}
      maxVizHeight={300}
    />
  );
}

function Stat(props) {
  const theme = useTheme2();
  const { prepared, width, height } = props;
  const options = prepared.panel.options ?? {};
  const render = ({ value, width: w, height: h, alignmentFactors, count }) => (
    <BigValue
      theme={theme}
      value={value.display}
      sparkline={value.sparkline}
      colorMode={options.colorMode ?? 'value'}
      graphMode={options.graphMode ?? 'area'}
      justifyMode={options.justifyMode ?? 'auto'}
      textMode={options.textMode ?? 'auto'}
      text={options.text}
      disableWideLayout={options.wideLayout === false}
      alignmentFactors={alignmentFactors}
      count={count}
      width={w}
      height={h}
    />
  );
  return <Repeated all={values(props, theme)} width={width} height={height} prepared={prepared} spacing={3} grid render={render} />;
}

function Bars(props) {
  const theme = useTheme2();
  const { prepared, width, height } = props;
  const options = prepared.panel.options ?? {};
  const render = ({ value, width: w, height: h, alignmentFactors, orientation }) => (
    <BarGauge
      theme={theme}
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex)}
      displayMode={options.displayMode ?? 'gradient'}
      valueDisplayMode={options.valueMode ?? 'color'}
      namePlacement={options.namePlacement ?? 'auto'}
      showUnfilled={options.showUnfilled ?? true}
      text={options.text}
      orientation={orientation}
      alignmentFactors={alignmentFactors}
      itemSpacing={10}
      lcdCellWidth={12}
      width={w}
      height={h}
    />
  );
  return <Repeated all={values(props, theme)} width={width} height={height} prepared={prepared} spacing={10} grid={false} render={render} />;
}

function Table({ prepared, width, height, range }) {
  const { panel, frames } = prepared;
  const frame = frames[panel.options?.frameIndex ?? 0];
  if (!frame?.length) return <NoData prepared={prepared} />;
  cacheFieldDisplayNames(frames);
  const fieldConfig = { defaults: {}, overrides: [], ...panel.fieldConfig };
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={panel.options?.showHeader === false}
      sortBy={panel.options?.sortBy}
      cellHeight={panel.options?.cellHeight ?? 'sm'}
      enablePagination={false}
      fieldConfig={fieldConfig}
      noValue={fieldConfig.defaults.noValue}
      timeRange={range}
      structureRev={1}
      getActions={() => []}
    />
  );
}

function Text({ prepared, fill }) {
  const { mode = 'markdown', content = '' } = prepared.panel.options ?? {};
  const html = mode === 'markdown' ? renderTextPanelMarkdown(fill(content)) : fill(content);
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
}

function Row({ prepared }) {
  return <div style={{ padding: '6px 8px', fontWeight: 500 }}>{prepared.title}</div>;
}

export const PANELS = {
  timeseries: Lines,
  stat: Stat,
  bargauge: Bars,
  table: Table,
  text: Text,
  row: Row,
  'state-timeline': StateTimeline,
};
