// How fields look: units, colours, thresholds, mappings, overrides; and the transformations. In: frames and a panel. Out: the frames as
// @grafana/data leaves them. Only the registries are filled here, which a running Grafana does at its start.

import {
  applyFieldOverrides,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  FieldConfigOptionsRegistry,
  FieldType,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';

/** Grafana's own options of a field, with what each does to its value. */
const STANDARD = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
  filterable: identityOverrideProcessor,
  fieldMinMax: identityOverrideProcessor,
};

/** What a panel of this type has where the board says nothing. */
const CUSTOM = {
  timeseries: {
    drawStyle: 'line',
    lineInterpolation: 'linear',
    lineWidth: 1,
    fillOpacity: 0,
    gradientMode: 'none',
    spanNulls: false,
    showPoints: 'auto',
    pointSize: 5,
    axisPlacement: 'auto',
    axisColorMode: 'text',
    stacking: { mode: 'none', group: 'A' },
    hideFrom: { legend: false, tooltip: false, viz: false },
    thresholdsStyle: { mode: 'off' },
    scaleDistribution: { type: 'linear' },
  },
  table: { align: 'auto', cellOptions: { type: 'auto' } },
  'state-timeline': { lineWidth: 0, fillOpacity: 70, hideFrom: { legend: false, tooltip: false, viz: false } },
};

const THRESHOLDS = { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }, { value: 80, color: 'red' }] };

/** Every option that the board sets, and those that its panel type brings. */
function registry(panel) {
  const items = Object.entries(STANDARD).map(([id, process]) => ({ id, path: id, process, shouldApply: applies(id), name: id }));
  const custom = { ...CUSTOM[panel.type], ...panel.fieldConfig?.defaults?.custom };
  const overridden = (panel.fieldConfig?.overrides ?? []).flatMap((rule) => rule.properties.map((property) => property.id));
  const paths = new Set([
    ...Object.keys(custom).map((key) => `custom.${key}`),
    ...overridden.filter((id) => id.startsWith('custom.')),
  ]);
  for (const id of paths) {
    items.push({ id, path: id.slice('custom.'.length), isCustom: true, process: identityOverrideProcessor, shouldApply: () => true, name: id });
  }
  return new FieldConfigOptionsRegistry(() => items);
}

/** Limits, decimals and thresholds are for numbers. */
function applies(id) {
  const numeric = ['min', 'max', 'fieldMinMax'];
  return (field) => !numeric.includes(id) || field.type === FieldType.number;
}

/** Applies the field configuration of a panel. */
export function withFields(frames, panel, { theme, fill }) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const custom = { ...CUSTOM[panel.type], ...defaults.custom };
  const color = defaults.color ?? { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' };
  const thresholds = lowest(defaults.thresholds ?? THRESHOLDS);
  const known = overrides.map((rule) => ({
    ...rule,
    properties: rule.properties.map((one) => (one.id === 'thresholds' ? { ...one, value: lowest(one.value) } : one)),
  }));
  return applyFieldOverrides({
    data: frames,
    fieldConfig: { defaults: { ...defaults, color, thresholds, custom }, overrides: known },
    fieldConfigRegistry: registry(panel),
    replaceVariables: (text) => fill(text),
    theme,
    timeZone: 'utc',
  });
}

/** JSON has no infinity: the first threshold of a board is null. */
function lowest(thresholds) {
  return { ...thresholds, steps: thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity })) };
}

/** Runs the transformations of a panel; throws for one that Grafana does not have. */
export async function transformed(frames, panel, fill) {
  const wanted = panel.transformations ?? [];
  const missing = wanted.filter((one) => !standardTransformersRegistry.getIfExists(one.id));
  if (missing.length) throw new Error(`no such transformation: ${missing.map((one) => one.id).join(', ')}`);
  return firstValueFrom(transformDataFrame(wanted, frames, { interpolate: (text) => fill(text) }));
}

/** To be called once. */
export function fillRegistries() {
  const known = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
  standardTransformersRegistry.setInit(() =>
    [...known.values()].map((one) => ({ id: one.id, name: one.name, transformation: () => Promise.resolve(one) }))
  );
}
