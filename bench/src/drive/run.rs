//! One run of the driver: an epoll loop over all connections.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    fd::OwnedFd,
    io::Errno,
};

use super::{
    Latencies, Outcome, Plan,
    connection::{Connection, News},
    load::Requests,
};
use crate::cpu::{self, Watch};

/// How long the last answers may take to come after the end.
const GRACE: Duration = Duration::from_secs(10);
const BUFFER_BYTES: usize = 256 * 1024;
const EVENTS_AT_ONCE: usize = 256;
const MAX_REOPENED: usize = 10_000;

pub(super) fn run(plan: &Plan) -> Result<Outcome> {
    let mut driver = Driver::connect(plan)?;
    driver.start()?;
    driver.drive()?;
    driver.finish()
}

struct Driver<'a> {
    plan: &'a Plan,
    poll: OwnedFd,
    connections: Vec<Connection>,
    /// Connections without a request, in the open loop.
    idle: VecDeque<usize>,
    in_flight: usize,
    /// Connections that the service closed, and requests that were lost with them.
    reopened: usize,
    lost: u64,
    requests: Requests,
    began: Instant,
    /// Nanoseconds of the run in which the measuring begins and ends.
    measured: (u64, u64),
    /// Nanoseconds from one request to the next, and when the next one is due, in the open loop.
    interval: Option<f64>,
    next: u64,
    /// Begun with the measuring, and what it had seen at its end.
    watch: Option<(Watch, f64)>,
    cpu: Option<BTreeMap<String, f64>>,
    latencies: Latencies,
    answered: usize,
    statuses: BTreeMap<u16, u64>,
    failures: BTreeMap<String, u64>,
}

impl<'a> Driver<'a> {
    fn connect(plan: &'a Plan) -> Result<Self> {
        ensure!(plan.connections > 0, "no connection, no load");
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let connections: Result<Vec<Connection>> = (0..plan.connections)
            .map(|id| Connection::open(plan.address, &poll, id as u64))
            .collect();
        let warm_up = plan.warm_up.as_nanos() as u64;
        Ok(Self {
            plan,
            poll,
            connections: connections?,
            idle: VecDeque::new(),
            in_flight: 0,
            reopened: 0,
            lost: 0,
            requests: Requests::of(&plan.load),
            began: Instant::now(),
            measured: (warm_up, warm_up + plan.measured.as_nanos() as u64),
            interval: plan.rate.map(|rate| 1e9 / rate),
            next: 0,
            watch: None,
            cpu: None,
            latencies: Latencies::default(),
            answered: 0,
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
        })
    }

    /// In the closed loop every connection asks at once.
    fn start(&mut self) -> Result<()> {
        self.began = Instant::now();
        if self.interval.is_some() {
            self.idle = (0..self.connections.len()).collect();
            return Ok(());
        }
        for index in 0..self.connections.len() {
            let now = self.now();
            self.ask(index, now)?;
        }
        Ok(())
    }

    fn drive(&mut self) -> Result<()> {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE);
        let mut buffer = vec![0; BUFFER_BYTES];
        let last = self.measured.1 + GRACE.as_nanos() as u64;
        loop {
            let now = self.now();
            self.look_at_processors(now);
            self.ask_what_is_due(now)?;
            let is_over = now >= self.measured.1 && self.next_due().is_none();
            if is_over && self.in_flight == 0 || now >= last {
                return Ok(());
            }
            match epoll::wait(
                &self.poll,
                spare_capacity(&mut events),
                Some(&self.timeout(now)),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("epoll_wait"),
            }
            for event in events.drain(..) {
                let (index, flags) = (event.data.u64() as usize, event.flags);
                if flags.contains(epoll::EventFlags::OUT) {
                    self.connections[index].write(&self.poll)?;
                }
                if flags != epoll::EventFlags::OUT {
                    self.read(index, &mut buffer)?;
                }
            }
        }
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) -> Result<()> {
        let response = match self.connections[index].read(buffer)? {
            News::None => return Ok(()),
            News::Answer(response) => response,
            News::Closed => return self.open_again(index),
        };
        let now = self.now();
        self.count(index, response.status, now);
        self.go_on(index, now)
    }

    /// A service may close a connection that nothing is asked on; else a request is lost with it.
    fn open_again(&mut self, index: usize) -> Result<()> {
        let was_waiting = self.connections[index].is_waiting;
        self.connections[index] = Connection::open(self.plan.address, &self.poll, index as u64)?;
        self.reopened += 1;
        ensure!(
            self.reopened <= MAX_REOPENED,
            "the service closes one connection after another"
        );
        if !was_waiting {
            return Ok(());
        }
        self.lost += 1;
        let now = self.now();
        self.go_on(index, now)
    }

    /// After an answer, or without hope for one.
    fn go_on(&mut self, index: usize, now: u64) -> Result<()> {
        self.in_flight -= 1;
        if self.interval.is_some() {
            self.idle.push_back(index);
        } else if now < self.measured.1 {
            self.ask(index, now)?;
        }
        Ok(())
    }

    /// In the closed loop an answer counts when it comes in the time that is measured, in the open loop when it was due
    /// then.
    fn count(&mut self, index: usize, status: u16, now: u64) {
        let due = self.connections[index].due;
        let moment = if self.interval.is_some() { due } else { now };
        if !(self.measured.0..self.measured.1).contains(&moment) {
            return;
        }
        *self.statuses.entry(status).or_default() += 1;
        if !self.plan.load.expects(status) {
            *self.failures.entry(format!("status {status}")).or_default() += 1;
            return;
        }
        self.answered += 1;
        self.latencies.record(now - due);
    }

    fn ask(&mut self, index: usize, due: u64) -> Result<()> {
        let connection = &mut self.connections[index];
        self.requests.render(&mut connection.request);
        connection.send(&self.poll, due)?;
        self.in_flight += 1;
        Ok(())
    }

    fn ask_what_is_due(&mut self, now: u64) -> Result<()> {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            let Some(index) = self.idle.pop_front() else {
                return Ok(());
            };
            self.next += 1;
            self.ask(index, due)?;
        }
        Ok(())
    }

    /// When the next request is due in the open loop; none after the end.
    fn next_due(&self) -> Option<u64> {
        let due = (self.next as f64 * self.interval?) as u64;
        (due < self.measured.1).then_some(due)
    }

    fn timeout(&self, now: u64) -> Timespec {
        let due = self.next_due().filter(|_| !self.idle.is_empty());
        let boundary = if now < self.measured.0 {
            self.measured.0
        } else if now < self.measured.1 {
            self.measured.1
        } else {
            now + GRACE.as_nanos() as u64
        };
        let wait = due.unwrap_or(boundary).min(boundary).saturating_sub(now);
        Timespec {
            tv_sec: (wait / 1_000_000_000).cast_signed(),
            tv_nsec: (wait % 1_000_000_000).cast_signed(),
        }
    }

    /// Looks at the processor time that was used when the measuring begins, and when it ends.
    fn look_at_processors(&mut self, now: u64) {
        if self.watch.is_none() && now >= self.measured.0 {
            self.watch = Some((Watch::start(self.plan.watched.clone()), cpu::own()));
        }
        if self.cpu.is_none()
            && now >= self.measured.1
            && let Some((watch, own)) = &self.watch
        {
            let mut used = watch.used();
            used.insert("driver".to_owned(), cpu::own() - own);
            self.cpu = Some(used);
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn finish(mut self) -> Result<Outcome> {
        if self.lost > 0 {
            self.failures
                .insert("connection lost".to_owned(), self.lost);
        }
        if self.failures.values().sum::<u64>() <= self.plan.may_fail {
            self.failures.clear();
        }
        let unanswered = self.in_flight as u64;
        if unanswered > 0 {
            self.failures.insert("no answer".to_owned(), unanswered);
        }
        if self.next_due().is_some() {
            self.failures.insert("not sent in time".to_owned(), 1);
        }
        ensure!(self.latencies.len() > 0, "nothing was answered");
        Ok(Outcome {
            answered: self.answered,
            seconds: self.plan.measured.as_secs_f64(),
            latency: self.latencies.percentiles(),
            statuses: self.statuses,
            failures: self.failures,
            cpu: self.cpu.unwrap_or_default(),
        })
    }
}
