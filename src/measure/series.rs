//! The store of all inference series.
//!
//! In: the fold's calls (`ledger`), each after [`Store::at`] said what time it is. Out: series by target, which `walk` reads.
//! A target's series live together, so that one lookup a row finds them all and an idle target leaves as a whole.

use super::callers::Callers;
use super::label;
use super::limits::{Limits, verifies};
use super::own::Own;
use super::owners::{Owners, Threshold, of_model};
use super::target::{Name, Series, Standing};
use crate::judge::taxonomy::{Class, Confidence, Match};
use crate::observe::{Status, Target};
use crate::telemetry::Metrics;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// What the config says about measuring.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Limits on label values.
    pub limits: Limits,
    /// Who owns models and callers.
    pub owners: Owners,
    /// Alert thresholds, first match wins.
    pub thresholds: Vec<Threshold>,
}

/// The store as the fold and the admin thread share it.
pub type Shared = Arc<Mutex<Store>>;

/// A store to be shared.
pub fn shared(settings: Settings, metrics: &Metrics) -> Shared {
    Arc::new(Mutex::new(Store::new(settings, metrics)))
}

/// What tells verdicts apart; the platform comes first.
type Sureness = (Box<str>, Class, Confidence, Match);

/// All inference series.
#[derive(Debug)]
pub struct Store {
    pub(super) settings: Settings,
    pub(super) now_ns: u64,
    /// When the store began, ns since 1970.
    pub(super) born_ns: u64,
    /// Freed places are used again, so that a page that is being written never sees a target move.
    pub(super) targets: Vec<Option<Box<Series>>>,
    free: Vec<u32>,
    by_name: HashMap<Name, u32, RandomState>,
    /// The way from a target as observed to its series; may be dropped at any time.
    routes: HashMap<Arc<Target>, u32, RandomState>,
    verified: usize,
    unverified: usize,
    pub(super) callers: Callers,
    pub(super) verdicts: BTreeMap<Sureness, f64>,
    pub(super) open: BTreeMap<(Box<str>, Class), f64>,
    pub(super) own: Own,
}

impl Store {
    /// An empty store whose own counters are in `metrics`.
    pub fn new(settings: Settings, metrics: &Metrics) -> Self {
        Self {
            callers: Callers::new(settings.limits.callers),
            settings,
            now_ns: 0,
            born_ns: 0,
            targets: Vec::new(),
            free: Vec::new(),
            by_name: HashMap::default(),
            routes: HashMap::default(),
            verified: 0,
            unverified: 0,
            verdicts: BTreeMap::new(),
            open: BTreeMap::new(),
            own: Own::new(metrics),
        }
    }

    /// Says what time it is, ns since 1970, before the calls of one export.
    pub fn at(&mut self, now_ns: u64) {
        if self.born_ns == 0 {
            self.born_ns = now_ns;
        }
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// Drops targets and callers that were idle too long. Cheap enough for once a minute.
    pub fn expire(&mut self, now_ns: u64) {
        self.at(now_ns);
        let idle_ns = u64::try_from(self.settings.limits.expire.as_nanos()).unwrap_or(u64::MAX);
        let Some(before_ns) = self.now_ns.checked_sub(idle_ns) else { return };
        for index in 0..self.targets.len() {
            if self.targets[index].as_ref().is_some_and(|series| series.seen_ns < before_ns) {
                self.remove(index);
            }
        }
        let callers = self.callers.expire(before_ns);
        if !callers.is_empty() {
            for series in self.targets.iter_mut().flatten() {
                series.client_failures.retain(|(caller, ..), _| !callers.contains(caller));
            }
        }
    }

    fn remove(&mut self, index: usize) {
        let Some(series) = self.targets[index].take() else { return };
        match series.standing {
            Standing::Verified => self.verified -= 1,
            Standing::Unverified => self.unverified -= 1,
            Standing::Overflow => {}
        }
        self.by_name.remove(&series.name);
        self.routes.clear();
        self.free.extend(u32::try_from(index));
        self.own.targets.set((self.verified + self.unverified) as f64);
    }

    /// Where the series of a target are that has just been seen with this status; made where they are new and limits allow.
    pub(super) fn place(&mut self, target: &Arc<Target>, status: Status) -> usize {
        let index = match self.routes.get(target) {
            Some(&index) if self.stands(index, status) => index,
            _ => self.route(target, status),
        } as usize;
        if let Some(series) = &mut self.targets[index] {
            series.seen_ns = self.now_ns;
        }
        index
    }

    /// Whether the series at `index` are still the right ones after this status.
    fn stands(&self, index: u32, status: Status) -> bool {
        let series = self.targets[index as usize].as_ref();
        series.is_some_and(|series| match series.standing {
            Standing::Verified => true,
            Standing::Unverified => !verifies(status),
            Standing::Overflow => &*series.name.model_id == label::OTHER || !verifies(status),
        })
    }

    fn route(&mut self, target: &Arc<Target>, status: Status) -> u32 {
        let mut name = Name {
            platform: label::clean(&target.platform).into(),
            model_id: label::clean(&target.model_id).into(),
            environment: label::clean(&target.environment).into(),
        };
        let standing = self.standing(&name, status);
        if standing == Standing::Overflow {
            name.model_id = Box::from(if verifies(status) { label::OTHER } else { label::UNVERIFIED });
            name.environment = Box::default();
        }
        let index = match self.by_name.get(&name) {
            Some(&index) => index,
            None => self.create(name, standing),
        };
        // Deployments come and go and hostile names never end, so the routes are bounded apart from the series.
        if self.routes.len() > 4 * self.settings.limits.models.saturating_add(1000) {
            self.routes.clear();
        }
        self.routes.insert(Arc::clone(target), index);
        index
    }

    /// Which limit the target counts towards, after counting it there.
    fn standing(&mut self, name: &Name, status: Status) -> Standing {
        let limits = &self.settings.limits;
        let held = self.by_name.get(name).and_then(|index| self.targets[*index as usize].as_mut());
        if let Some(series) = held {
            if series.standing == Standing::Unverified && verifies(status) && self.verified < limits.models {
                series.standing = Standing::Verified;
                (self.verified, self.unverified) = (self.verified + 1, self.unverified - 1);
            }
            return series.standing;
        }
        if verifies(status) && self.verified < limits.models {
            self.verified += 1;
            Standing::Verified
        } else if !verifies(status) && self.unverified < limits.unverified {
            self.unverified += 1;
            Standing::Unverified
        } else {
            Standing::Overflow
        }
    }

    fn create(&mut self, name: Name, standing: Standing) -> u32 {
        let mut series = Box::new(Series::new(name.clone(), standing, self.now_ns));
        series.team = Box::from(self.settings.owners.of_model(&name.model_id));
        let thresholds = of_model(&self.settings.thresholds, &name.model_id);
        series.thresholds = thresholds.into_iter().map(|(alert, value)| (Box::from(alert), value)).collect();
        let index = self.free.pop().unwrap_or_else(|| {
            self.targets.push(None);
            u32::try_from(self.targets.len() - 1).expect("the limits allow far fewer targets")
        });
        self.targets[index as usize] = Some(series);
        self.by_name.insert(name, index);
        self.own.targets.set((self.verified + self.unverified) as f64);
        index
    }
}
