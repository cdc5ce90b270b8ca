// Prometheus over HTTP, from a page of its own origin. In: queries. Out: the `data` of its answers; errors are thrown in its own words.

async function get(path, parameters) {
  const answer = await fetch(`/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (body.status !== 'success') throw new Error(body.error ?? `status ${answer.status}`);
  return body;
}

/** Values of a label, of the series that a selector names; all of them without one. Times in seconds. */
export async function labelValues(label, selector, { from, to }) {
  const parameters = { start: from, end: to };
  if (selector) parameters['match[]'] = selector;
  return (await get(`label/${label}/values`, parameters)).data;
}

/** A query over a range: the series of a matrix. Times and step in seconds. */
export async function overRange(query, { from, to }, step) {
  return (await get('query_range', { query, start: from, end: to, step })).data.result;
}

/** A query at one time: its result as a matrix of one sample each. */
export async function atOnce(query, time) {
  const { resultType, result } = (await get('query', { query, time })).data;
  if (resultType === 'scalar') return [{ metric: {}, values: [result] }];
  return result.map(({ metric, value, values }) => ({ metric, values: values ?? [value] }));
}

/** The exemplars of the series that a query reads. */
export async function exemplars(query, { from, to }) {
  return (await get('query_exemplars', { query, start: from, end: to })).data;
}
