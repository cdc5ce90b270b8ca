// Stands in for @grafana/runtime, which only lives inside a running Grafana. Out: what the Prometheus code asks of it: no feature
// toggles, and no registry of data sources (links from exemplars to traces are not drawn).

export const config = { featureToggles: { prometheusSpecialCharsInLabelValues: true } };

export function getDataSourceSrv() {
  return { getInstanceSettings: () => undefined };
}
