// The variables of a board. In: its `templating` list, what the caller chose, and Prometheus. Out: a function that fills them into a
// text as Grafana does: `$name`, `${name}`, `${name:format}` and `[[name]]`, in a query with the Prometheus escapes.

import { interpolateQueryExpr } from '@grafana/prometheus/dist/esm/escaping.mjs';
import { labelValues } from './prometheus.js';

const REFERENCE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}/g;
const LABEL_VALUES = /^label_values\((?:(.*),\s*)?([a-zA-Z_]\w*)\)\s*$/s;
const ALL = '$__all';

/** What one variable stands for: its values, and what is shown of it. */
async function resolve(variable, chosen, filled, span) {
  const options = await choices(variable, filled, span);
  if (chosen) return { ...variable, values: chosen, shown: chosen.join(' + '), options };
  if (variable.includeAll) return { ...variable, values: ALL, shown: 'All', options };
  const current = variable.current?.value ?? options[0] ?? '';
  return { ...variable, values: current, shown: variable.type === 'datasource' ? 'Prometheus' : String(current), options };
}

/** Everything that could be chosen. */
async function choices(variable, filled, span) {
  const text = typeof variable.query === 'string' ? variable.query : variable.query?.query ?? '';
  switch (variable.type) {
    case 'datasource':
      return ['prometheus'];
    case 'query': {
      const found = LABEL_VALUES.exec(filled(text));
      if (!found) throw new Error(`variable ${variable.name}: only label_values() is known: ${text}`);
      const pattern = variable.regex ? new RegExp(variable.regex.replace(/^\/|\/$/g, '')) : /.*/;
      return (await labelValues(found[2], found[1], span)).filter((value) => pattern.test(value));
    }
    case 'custom':
    case 'interval':
      return text.split(',').map((word) => word.trim());
    case 'constant':
    case 'textbox':
      return [text];
    case 'adhoc':
      return [];
    default:
      throw new Error(`variable ${variable.name}: type ${variable.type} is not known`);
  }
}

function inQuery(variable) {
  if (variable.values !== ALL) return interpolateQueryExpr(variable.values, variable);
  return variable.allValue ?? interpolateQueryExpr(variable.options, variable);
}

function formatted(variable, format) {
  const values = variable.values === ALL ? (variable.allValue ? [variable.allValue] : variable.options) : [variable.values].flat();
  switch (format) {
    case 'queryparam':
      return values.map((value) => `var-${variable.name}=${encodeURIComponent(value)}`).join('&');
    case 'regex':
    case 'pipe':
      return values.join('|');
    case 'text':
      return variable.shown;
    default:
      return values.join(',');
  }
}

/** Resolves the variables in their order, since a later one may name an earlier one; returns them with their `fill`. */
export async function fillVariables(list, chosen, span) {
  const known = {};
  const fill = (text, extra = {}) =>
    String(text).replace(REFERENCE, (whole, plain, square, squareFormat, curly, curlyFormat) => {
      const name = plain ?? square ?? curly;
      if (name in extra) return extra[name];
      const variable = known[name];
      if (!variable) return whole;
      const format = curlyFormat ?? squareFormat;
      return format ? formatted(variable, format) : inQuery(variable);
    });
  for (const variable of list) known[variable.name] = await resolve(variable, chosen[variable.name], fill, span);
  return { known: Object.values(known), fill };
}
