// The board on the page: its name, its variables and time range, and every panel in Grafana's own frame. In: prepared panels. Out: React.

import { dateTimeFormat, EventBusSrv } from '@grafana/data';
import { ErrorBoundary, PanelChrome, PanelContextProvider, useTheme2 } from '@grafana/ui';
import { useEffect } from 'react';
import { PANELS } from './panels.jsx';

/** One panel in its frame; an error stands in its place, in words. */
function Panel({ prepared, range, fill }) {
  const { panel, width, height, title, error } = prepared;
  const Drawing = PANELS[panel.type];
  const context = { eventsScope: 'global', eventBus: new EventBusSrv(), app: 'dashboard' };
  if (panel.type === 'row') return <Drawing prepared={prepared} />;
  return (
    <PanelContextProvider value={context}>
      <PanelChrome width={width} height={height} title={title} description={panel.description} displayMode={panel.transparent ? 'transparent' : 'default'}>
        {(innerWidth, innerHeight) => (
          <ErrorBoundary>
            {({ error: thrown }) => {
              const failed = error ?? prepared.facts.find((fact) => fact.error)?.error ?? (thrown && String(thrown.message));
              if (failed) return <div data-fault>{failed}</div>;
              return <Drawing prepared={prepared} width={innerWidth} height={innerHeight} range={range} fill={fill} />;
            }}
          </ErrorBoundary>
        )}
      </PanelChrome>
    </PanelContextProvider>
  );
}

/** What Grafana shows above the grid. */
function Head({ title, variables, range }) {
  const theme = useTheme2();
  const format = (time) => dateTimeFormat(time, { timeZone: 'utc', format: 'HH:mm:ss' });
  const chip = { background: theme.colors.background.secondary, border: `1px solid ${theme.colors.border.weak}`, borderRadius: 2, padding: '4px 8px' };
  return (
    <div style={{ display: 'flex', gap: 8, alignItems: 'center', padding: '8px 8px 0', height: 48 }}>
      <span style={{ fontSize: 18, fontWeight: 500, marginRight: 16 }}>{title}</span>
      {variables.filter((one) => one.hide !== 2).map((one) => (
        <span key={one.name} style={chip}>
          <span style={{ color: theme.colors.text.secondary, marginRight: 8 }}>{one.label ?? one.name}</span>
          {one.shown}
        </span>
      ))}
      <span style={{ ...chip, marginLeft: 'auto' }}>{`${format(range.from)} to ${format(range.to)} UTC`}</span>
    </div>
  );
}

/** Nothing but the word that it is on the page. */
export function Drawn({ onDrawn }) {
  useEffect(() => onDrawn(), [onDrawn]);
  return null;
}

export function Board({ title, variables, range, width, height, panels, fill, onDrawn }) {
  const theme = useTheme2();
  return (
    <div id="whole" style={{ width, background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
      <Drawn onDrawn={onDrawn} />
      <Head title={title} variables={variables} range={range} />
      <div style={{ position: 'relative', height, marginTop: 8 }}>
        {panels.map((prepared, index) => (
          <div key={index} id={`panel-${index}`} style={{ position: 'absolute', left: prepared.left, top: prepared.top, width: prepared.width, height: prepared.height }}>
            <Panel prepared={prepared} range={range} fill={fill} />
          </div>
        ))}
      </div>
    </div>
  );
}
