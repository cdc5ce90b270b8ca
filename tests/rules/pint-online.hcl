# What pint asks of a Prometheus that scrapes the demo (tests/rules/pint.rs), besides .pint.hcl.

# No query may cost more than this on the demo's series, and no alert may be a flood.
rule {
  cost {
    maxSeries             = 500
    maxEvaluationDuration = "2s"
  }
}

rule {
  match {
    kind = "alerting"
  }
  alerts {
    range    = "1h"
    step     = "30s"
    resolve  = "5m"
    minCount = 50
    severity = "bug"
  }
}
