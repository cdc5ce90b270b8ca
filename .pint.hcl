# pint on the alert pack (tests/rules/pint.rs): everything that it can check is on; what is switched off says why.
# Without a server: pint --offline lint alerts/*.rules.yaml
parser {
  # Alertmanager 0.25 refuses label names that are not plain.
  names   = "legacy"
  include = ["alerts/.*\\.rules\\.yaml"]
}

check "rule/dependency" {
  # Groups read what `records.rules.yaml` records; a value that is one interval of 30 s old is fresh enough for windows of minutes.
  ignoreGroupMismatch = ["(model|caller|platform):.+"]
}

rule {
  match {
    kind = "alerting"
  }
  annotation "summary" {
    required = true
    severity = "bug"
  }
  annotation "description" {
    required = true
    severity = "bug"
    value    = "(?s).*[Rr]esolves.*"
  }
  annotation "next_step" {
    required = true
    severity = "bug"
  }
  annotation "runbook_url" {
    required = true
    severity = "bug"
    value    = ".*docs/runbooks/{{ $alert }}\\.md"
  }
  annotation "dashboard_url" {
    required = true
    severity = "bug"
    value    = ".*/d/coroner-[a-z]+\\?.*from=.+&to=.+"
  }
  label "severity" {
    required = true
    severity = "bug"
    values   = ["critical", "warning", "info", "none"]
  }
  label "component" {
    required = true
    severity = "bug"
    values   = ["inference", "coroner"]
  }
  label "blame" {
    severity = "bug"
    value    = "client|model|platform|undetermined|\\{\\{.+\\}\\}"
  }
}

# Nothing that a person is told about may come of one evaluation. Watchdog has no severity and always fires.
rule {
  match {
    kind = "alerting"
    label "severity" {
      value = "critical|warning|info"
    }
  }
  for {
    min      = "1m"
    severity = "bug"
  }
}

# Names say what is counted and how: level, metric, operation.
rule {
  match {
    kind = "recording"
  }
  name "[a-z_]+:[a-z0-9_]+:[a-z0-9_]+" {
    severity = "bug"
  }
}
