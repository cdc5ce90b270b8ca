//! The simulated fleet at work. In: the scene, a seed and the tick. Out: the calls that ended in the tick, with the incident that struck
//! them, and those that do not come back. Pure: no I/O, no clock.

use super::random::Random;
use super::scene::{Incident, Phase, Scene, State};

/// One call as its caller saw it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Index into [`Scene::callers`].
    pub(super) caller: usize,
    /// Index into [`Scene::models`].
    pub(super) model: usize,
    /// Index into [`Scene::incidents`]; `None` where nothing went wrong.
    pub(super) incident: Option<usize>,
    /// How long it took, seconds.
    pub(super) seconds: f64,
    /// How long before the end of the tick it ended, seconds.
    pub(super) before: f64,
    /// Trace id.
    pub(super) trace_id: [u8; 16],
    /// Span id.
    pub(super) span_id: [u8; 8],
}

/// What happened in one tick.
#[derive(Debug, Default)]
pub(super) struct Tick {
    /// Calls that ended.
    pub(super) calls: Vec<Call>,
    /// Models of calls that do not come back, one entry a call.
    pub(super) hanging: Vec<usize>,
    /// What each incident does.
    pub(super) phases: Vec<Phase>,
}

/// The fleet of one run.
#[derive(Debug)]
pub(super) struct Fleet<'s> {
    scene: &'s Scene,
    random: Random,
    /// Who calls whom: indices.
    pairs: Vec<(usize, usize)>,
    calls_per_tick: f64,
    tick: f64,
}

impl<'s> Fleet<'s> {
    /// A fleet in which every caller calls each of its models this often a second, with ticks of so many seconds.
    pub(super) fn new(scene: &'s Scene, seed: u64, rate: f64, tick: f64) -> Self {
        let pairs = scene.callers.iter().enumerate().flat_map(|(caller, who)| {
            who.models.iter().filter_map(move |id| scene.model(id).map(|model| (caller, model)))
        });
        Self { scene, random: Random::new(seed), pairs: pairs.collect(), calls_per_tick: rate * tick, tick }
    }

    /// What happens in one of so many ticks.
    pub(super) fn tick(&mut self, tick: u64, ticks: u64) -> Tick {
        let scene = self.scene;
        let phases: Vec<Phase> = scene.incidents.iter().map(|one| one.phase(tick, ticks)).collect();
        let mut happened = Tick { phases, ..Tick::default() };
        for at in 0..self.pairs.len() {
            let Some(&(caller, model)) = self.pairs.get(at) else { continue };
            let rate = scene.models.get(model).map_or(1.0, |model| model.rate);
            // On average the rate, never a metronome.
            let mut due = self.calls_per_tick * rate * self.random.between(0.5, 1.5) + self.random.unit();
            while due >= 1.0 {
                self.call(caller, model, &mut happened);
                due -= 1.0;
            }
        }
        happened
    }

    fn call(&mut self, caller: usize, model: usize, happened: &mut Tick) {
        let scene = self.scene;
        let (Some(who), Some(whom)) = (scene.callers.get(caller), scene.models.get(model)) else { return };
        let on = scene.incidents.iter().zip(&happened.phases).position(|(one, phase)| {
            phase.strikes() && one.models.contains(&whom.id) && one.callers.contains(&who.service)
        });
        let struck = on.and_then(|at| Some((at, scene.incidents.get(at)?, *happened.phases.get(at)?)));
        let struck = struck.filter(|(_, one, _)| self.random.chance(one.share));
        if struck.is_some_and(|(_, _, phase)| phase.state == State::Hangs) {
            happened.hanging.push(model);
            return;
        }
        let call = Call {
            caller,
            model,
            incident: struck.map(|(at, ..)| at),
            seconds: self.duration(who.seconds, struck.map(|(_, one, _)| one)),
            before: self.random.between(0.0, self.tick),
            trace_id: self.random.id(),
            span_id: self.random.id(),
        };
        happened.calls.push(call);
    }

    fn duration(&mut self, typical: f64, incident: Option<&Incident>) -> f64 {
        match incident.and_then(|one| one.answer.seconds) {
            // A limit is kept to the hundredth.
            Some(seconds) => seconds + self.random.between(0.001, 0.02),
            // Most are near the typical time; one in some hundred is ten times slower.
            None => typical * (0.5 + self.random.unit() + 0.02 / (1.002 - self.random.unit())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_day_and_every_incident_strikes() {
        let scene = Scene::builtin();
        let day = |seed| {
            let mut fleet = Fleet::new(&scene, seed, 8.0, 0.25);
            (0..180).flat_map(|tick| fleet.tick(tick, 180).calls).collect::<Vec<_>>()
        };
        let (one, two, other) = (day(1), day(1), day(2));
        let ids = |day: &[Call]| day.iter().map(|call| (call.trace_id, call.incident)).collect::<Vec<_>>();
        assert_eq!(ids(&one), ids(&two));
        assert_ne!(ids(&one), ids(&other));
        for (at, incident) in scene.incidents.iter().enumerate() {
            let struck = one.iter().filter(|call| call.incident == Some(at)).count();
            assert!(struck > 10, "{}: {struck}", incident.id);
        }
        let failed = one.iter().filter(|call| call.incident.is_some()).count() as f64 / one.len() as f64;
        assert!((0.02..0.25).contains(&failed), "{failed}");
    }

    #[test]
    fn what_hangs_is_missing_from_what_ends() {
        let scene = Scene::builtin();
        let mut fleet = Fleet::new(&scene, 1, 8.0, 0.25);
        let model = scene.model("wanvideo").unwrap();
        let ended = |tick: &Tick| tick.calls.iter().filter(|call| call.model == model).count();
        let days: Vec<Tick> = (0..180).map(|tick| fleet.tick(tick, 180)).collect();
        let sum = |ticks: &[Tick]| ticks.iter().map(&ended).sum::<usize>();
        // 18 % to 40 % of the run: the hanging before the first 504.
        let (before, during) = (sum(&days[..30]), sum(&days[34..64]));
        assert!(during * 2 < before, "{before} {during}");
        assert!(days[34..64].iter().all(|tick| tick.hanging.iter().all(|at| *at == model)));
    }
}
