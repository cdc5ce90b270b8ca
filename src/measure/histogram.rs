//! Durations as classic and native buckets, with exemplars.
//!
//! In: seconds with a sampling weight. Out: whole counts for both bucket forms that always add up to the same total. Both
//! exposition formats only know whole observations, so the fraction of a weight is carried to the next observation of the same
//! series: the total is never off by one or more.

/// Upper bounds of the classic buckets, seconds: from a small model's answer to the longest call that platforms allow, an hour.
pub(super) const BOUNDS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// Resolution at the start: 2^3 native buckets for every doubling, each about 9 % wide.
const SCHEMA: u8 = 3;
/// Most native buckets from the lowest to the highest in use; past it the resolution is halved.
const MAX_BUCKETS: usize = 160;
/// Durations up to this many seconds (about 1 ms) share the zero bucket.
pub(super) const ZERO_THRESHOLD: f64 = 1.0 / 1024.0;
/// Durations above this many seconds (more than a year) are counted as this many: clocks are wrong before calls are so long.
const LONGEST: f64 = 33_554_432.0;

/// Which trace stands for a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    /// Trace id.
    pub trace_id: [u8; 16],
    /// Span id.
    pub span_id: [u8; 8],
    /// The value it stands for.
    pub value: f64,
    /// When, ns since 1970.
    pub time_ns: u64,
}

/// One series of durations.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    sum: f64,
    count: u64,
    carry: f64,
    classic: [u64; BOUNDS.len() + 1],
    schema: u8,
    zero: u64,
    /// Native bucket index of `native[0]`.
    first: i32,
    native: Vec<u64>,
    marks: Vec<(u8, Mark)>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            sum: 0.0,
            count: 0,
            carry: 0.0,
            classic: [0; BOUNDS.len() + 1],
            schema: SCHEMA,
            zero: 0,
            first: 0,
            native: Vec::new(),
            marks: Vec::new(),
        }
    }
}

impl Histogram {
    /// Adds `weight` observations of `seconds`.
    pub(super) fn observe(&mut self, seconds: f64, weight: f64) {
        let seconds = if seconds > 0.0 { seconds.min(LONGEST) } else { 0.0 };
        let due = weight.max(0.0) + self.carry;
        let whole = due.floor();
        self.carry = due - whole;
        self.sum += seconds * weight.max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; saturates")]
        let times = whole as u64;
        self.count += times;
        self.classic[classic_bucket(seconds)] += times;
        if seconds <= ZERO_THRESHOLD {
            self.zero += times;
        } else if times > 0 {
            self.add_native(seconds, times);
        }
    }

    /// Makes `mark` the exemplar of the classic bucket that its value falls in, unless a later one is there.
    pub(super) fn mark(&mut self, mark: Mark) {
        #[expect(clippy::cast_possible_truncation, reason = "13 buckets")]
        let bucket = classic_bucket(mark.value) as u8;
        match self.marks.iter_mut().find(|(at, _)| *at == bucket) {
            Some((_, held)) if held.time_ns > mark.time_ns => {}
            Some((_, held)) => *held = mark,
            None => self.marks.push((bucket, mark)),
        }
    }

    fn add_native(&mut self, seconds: f64, times: u64) {
        loop {
            let index = native_bucket(seconds, self.schema);
            if self.native.is_empty() {
                self.first = index;
            }
            let last = self.first.saturating_add_unsigned(u32::try_from(self.native.len()).unwrap_or(u32::MAX)) - 1;
            let width = (last.max(index) - self.first.min(index)).unsigned_abs() as usize + 1;
            if width > MAX_BUCKETS && self.schema > 0 {
                self.halve();
                continue;
            }
            if index < self.first {
                let missing = self.first.abs_diff(index) as usize;
                self.native.splice(0..0, std::iter::repeat_n(0, missing));
                self.first = index;
            }
            let at = index.abs_diff(self.first) as usize;
            if at >= self.native.len() {
                self.native.resize(at + 1, 0);
            }
            self.native[at] += times;
            return;
        }
    }

    /// Halves the resolution: buckets 2k-1 and 2k become bucket k.
    fn halve(&mut self) {
        let halved = |index: i32| (index + 1).div_euclid(2);
        let first = halved(self.first);
        let mut merged: Vec<u64> = Vec::with_capacity(self.native.len() / 2 + 1);
        for (index, count) in (self.first..).zip(&self.native) {
            let at = halved(index).abs_diff(first) as usize;
            if at >= merged.len() {
                merged.resize(at + 1, 0);
            }
            merged[at] += count;
        }
        (self.first, self.native, self.schema) = (first, merged, self.schema - 1);
    }

    /// Seconds of all observations together.
    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    /// How many observations, whole.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Native resolution: 2^schema buckets for every doubling.
    pub(super) fn schema(&self) -> i32 {
        i32::from(self.schema)
    }

    /// Observations up to [`ZERO_THRESHOLD`].
    pub(super) fn zero_count(&self) -> u64 {
        self.zero
    }

    /// Classic buckets in order, not cumulative: upper bound, count, exemplar. The last bound is infinite.
    pub(super) fn classic(&self) -> impl Iterator<Item = (f64, u64, Option<&Mark>)> {
        (0u8..).zip(&self.classic).map(|(at, count)| {
            let mark = self.marks.iter().find(|(bucket, _)| *bucket == at).map(|(_, mark)| mark);
            (BOUNDS.get(usize::from(at)).copied().unwrap_or(f64::INFINITY), *count, mark)
        })
    }

    /// Native buckets that hold something, ascending: index and count. Bucket `i` ends at 2^(i / 2^schema) seconds.
    pub(super) fn native(&self) -> impl Iterator<Item = (i32, u64)> {
        (self.first..).zip(self.native.iter().copied()).filter(|(_, count)| *count > 0)
    }
}

fn classic_bucket(seconds: f64) -> usize {
    BOUNDS.partition_point(|bound| *bound < seconds)
}

/// 2^(k/8) for k from 0 to 7: where the buckets of the finest schema lie within a doubling.
const EIGHTHS: [f64; 8] = [
    1.0,
    1.090_507_732_665_257_7,
    1.189_207_115_002_721,
    1.296_839_554_651_009_6,
    std::f64::consts::SQRT_2,
    1.542_210_825_407_940_7,
    1.681_792_830_507_429,
    1.834_008_086_409_342_4,
];
/// The bits of an `f64` that say where it lies within its doubling.
const FRACTION: u64 = (1 << 52) - 1;

/// Index of the native bucket of `seconds`, which is above zero. Read off the bits: a logarithm would cost more than all the rest.
fn native_bucket(seconds: f64, schema: u8) -> i32 {
    let bits = seconds.to_bits();
    let doubling = i32::try_from(bits >> 52).unwrap_or_default() - 1023;
    let within = f64::from_bits((bits & FRACTION) | 1f64.to_bits());
    let index = EIGHTHS.iter().fold(doubling * 8, |index, bound| index + i32::from(*bound < within));
    let coarser = SCHEMA.saturating_sub(schema);
    (index + (1 << coarser) - 1) >> coarser
}

#[cfg(test)]
mod tests;
