//! The linter itself: shipped boards have no fault, and each check finds what it is for.

use super::{faults_between, faults_of};
use crate::promql::Names;
use serde_json::{Value, json};
use std::sync::LazyLock;

static NAMES: LazyLock<Names> = LazyLock::new(Names::read);

fn boards() -> Vec<Value> {
    crate::boards::all().iter().map(|board| serde_json::from_str(&board.text()).unwrap()).collect()
}

/// What the linter says when one value of the Model board is another.
fn after(change: &dyn Fn(&mut Value)) -> Vec<String> {
    let mut all = boards();
    change(&mut all[1]);
    faults_of(&all[1], &all, &NAMES).into_iter().chain(faults_between(&all)).collect()
}

/// One value replaced.
fn set(pointer: &str, value: &Value) -> Vec<String> {
    after(&|board| *board.pointer_mut(pointer).expect(pointer) = value.clone())
}

#[track_caller]
fn says(found: &[String], words: &str) {
    assert!(found.iter().any(|fault| fault.contains(words)), "not `{words}` but {found:#?}");
}

#[test]
fn faults_of_a_board_are_found() {
    for (pointer, value, words) in [
        ("/uid", json!("model"), "uid does not begin"),
        ("/uid", json!("coroner-fleet"), "share a uid"),
        ("/id", json!(7), "id must be null"),
        ("/editable", json!(true), "editable"),
        ("/graphTooltip", json!(0), "graphTooltip"),
        ("/schemaVersion", json!(38), "schemaVersion 38"),
        ("/description", json!(""), "no description"),
        ("/refresh", json!("${DS_PROMETHEUS}"), "needs inputs"),
        ("/links/0/keepTime", json!(false), "no links by tag"),
        ("/tags", json!(["inference"]), "no tag coroner"),
        ("/templating/list/0/query", json!("loki"), "does not choose a Prometheus"),
        ("/templating/list/0/current", json!({"text": "prom", "value": "prom"}), "has a current value"),
        ("/templating/list/1/name", json!("provider"), "do not begin with"),
        ("/templating/list/1/label", json!(""), "has no label"),
        ("/templating/list/1/datasource/uid", json!("prom"), "has its own data source"),
        ("/templating/list/1/refresh", json!(1), "does not follow the time range"),
        ("/templating/list/1/includeAll", json!(false), "does not offer All"),
        ("/templating/list/1/sort", json!(0), "is not sorted"),
        ("/templating/list/1/query/query", json!("metrics(.*)"), "not label_values"),
        ("/templating/list/1/query/query", json!("label_values(inference_requests_total, cause)"), "no label cause"),
        (
            "/templating/list/1/query/query",
            json!("label_values(inference_asks_total, platform)"),
            "no metric is called",
        ),
        ("/annotations/list", json!([]), "no annotations"),
        ("/annotations/list/0/datasource/uid", json!("prom"), "an annotation has its own data source"),
        ("/annotations/list/0/expr", json!("ALERTS{alertname=\"NoSuchAlert\"}"), "alertname is never NoSuchAlert"),
        ("/annotations/list/0/textFormat", json!("{{cause}}"), "shows the label cause"),
        ("/panels/1/id", json!(1), "ids are not unique"),
        ("/panels/1/gridPos/x", json!(0), "panels overlap"),
        ("/panels/5/gridPos/w", json!(20), "leave a hole"),
        ("/panels/5/gridPos/w", json!(25), "wider than the grid"),
        ("/panels/12/collapsed", json!(false), "a row is open"),
    ] {
        says(&set(pointer, &value), words);
    }
    says(
        &after(&|board| {
            let panel = board["panels"][0].clone();
            let all = board["panels"].as_array_mut().unwrap();
            (0..9).for_each(|_| all.insert(0, panel.clone()));
        }),
        "visible panels are more",
    );
    let text = |board: &mut Value| {
        let without = board.to_string().replace(r#", environment=~\"$environment\""#, "");
        *board = serde_json::from_str(&without).unwrap();
    };
    says(&after(&text), "variable environment changes no panel");
}

#[test]
fn faults_of_a_panel_are_found() {
    for (pointer, value, words) in [
        ("/panels/5/type", json!("graph"), "type graph"),
        ("/panels/5/datasource/uid", json!("prom"), "its data source is not the variable"),
        ("/panels/5/title", json!(""), "no title"),
        ("/panels/5/interval", json!(""), "interval"),
        ("/panels/5/description", json!("What callers saw, over time, by cause."), "names no metric"),
        ("/panels/5/description", json!("inference_streams_total by ending."), "which no query reads"),
        ("/panels/5/description", json!("inference_failures_total"), "what to look for"),
        ("/panels/5/fieldConfig/defaults/unit", json!("requests/s"), "is not in units.txt"),
        ("/panels/11/fieldConfig/overrides/9/properties/1/value", json!("ms"), "is not in units.txt"),
        ("/panels/5/fieldConfig/defaults/noValue", json!(null), "no noValue"),
        ("/panels/5/fieldConfig/defaults/mappings", json!([]), "NaN is not shown"),
        ("/panels/5/targets", json!([]), "no targets"),
        ("/panels/8/targets/1/refId", json!("A"), "refIds are not unique"),
        ("/panels/8/targets/1/datasource/uid", json!("prom"), "a target's data source"),
        ("/panels/8/targets/1/format", json!("table"), "format is not"),
        ("/panels/8/targets/1/instant", json!(true), "ask for a range"),
        ("/panels/5/fieldConfig/overrides/0/properties/0/value/fixedColor", json!("#123456"), "oom_killed is"),
        ("/panels/5/fieldConfig/overrides", json!([]), "oom_killed has not its colour"),
    ] {
        says(&set(pointer, &value), words);
    }
}

#[test]
fn faults_of_a_query_are_found() {
    for (expr, words) in [
        ("sum(rate(inference_requests_total[$__rate_interval])", "sum(rate("),
        ("sum(rate(inference_asks_total[$__rate_interval]))", "no metric is called"),
        (r#"sum(rate(inference_failures_total{cause="oom"}[$__rate_interval]))"#, "cause is never oom"),
        ("sum(rate(inference_requests_total[5m]))", "a window of 5m"),
        ("sum(inference_requests_total)", "is read without rate"),
        ("sum(baseten_inference_requests_total)", "is read without rate"),
        ("sum(rate(inference_open_cases[$__rate_interval]))", "are for counters alone"),
        ("sum(max_over_time(inference_requests_total[$__rate_interval]))", "are for counters alone"),
        ("rate(inference_requests_total[$__rate_interval])", "is not aggregated"),
        ("sum(increase(inference_evidence_total[$__range]))", "misses the first event"),
        (
            "sum(rate(inference_streams_total[$__rate_interval])) / sum(rate(inference_requests_total[$__rate_interval]))",
            "divides by what may be nothing",
        ),
        ("sum by (platform) (rate(inference_requests_total[$__rate_interval]))", "stands for many series"),
        ("sum(rate(inference_requests_total[$__rate_interval]))", "exemplar is not false"),
    ] {
        says(&set("/panels/8/targets/1/expr", &json!(expr)), words);
    }
    for (pointer, value, words) in [
        ("/panels/5/targets/0/exemplar", json!(false), "exemplar is not true"),
        ("/panels/5/targets/0/legendFormat", json!("{{kind}}"), "shows kind, which the query loses"),
        ("/panels/5/targets/0/legendFormat", json!(""), "no legend"),
        ("/panels/11/transformations/1/options/indexByName", json!({"model_id": 0}), "the columns are"),
        (
            "/panels/11/targets/1/expr",
            json!("topk(5, model:inference_slo_errors_per_request:ratio5m > 0)"),
            "do not join those of the other queries",
        ),
    ] {
        says(&set(pointer, &value), words);
    }
}

#[test]
fn faults_of_links_are_found() {
    let with = |url: &str| {
        let link = json!([{"title": "there", "url": url}]);
        set("/panels/11/fieldConfig/defaults/links", &link)
    };
    says(&with("/d/coroner-causes?${__url_time_range}"), "no board for");
    says(&with("/d/coroner-fleet?var-model_id=x"), "loses the time");
    says(&with("/d/coroner-fleet?var-model=x&${__url_time_range}"), "no variable model");
    says(&with("/d/coroner-fleet?${caller:queryparam}&${__url_time_range}"), "no variable caller");
    says(&with("/d/coroner-callers?var-caller=${__data.fields.caller}&${__url_time_range}"), "no column caller");
    let untitled = json!([{"title": "", "url": "/d/coroner-fleet?${__url_time_range}"}]);
    says(&set("/panels/11/fieldConfig/defaults/links", &untitled), "a link has no title");
}
