//! A thread that answers one question at a time.

use anyhow::{Context, Result, anyhow};
use core::time::Duration;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Instant;

/// Answers questions in a thread of its own. Dropped, it does not wait for the answer to the last one: that may take long.
pub struct Worker<Q, A> {
    questions: Sender<Q>,
    answers: Receiver<A>,
    asked: Option<Instant>,
    /// How long the last answer took, and when it came.
    last: Option<(Duration, Instant)>,
}

impl<Q: Send + 'static, A: Send + 'static> Worker<Q, A> {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(mut answer: impl FnMut(Q) -> A + Send + 'static) -> Result<Self> {
        let (questions, asked) = channel();
        let (answered, answers) = channel();
        let work = move || {
            for question in asked {
                if answered.send(answer(question)).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new().spawn(work).context("starting a thread that looks at the segment")?;
        Ok(Self { questions, answers, asked: None, last: None })
    }

    /// Asks, unless the last question has no answer yet.
    ///
    /// # Errors
    /// If the thread is gone: it panicked.
    pub fn ask(&mut self, question: Q) -> Result<()> {
        if self.asked.is_none() {
            self.questions.send(question).map_err(|_| ended())?;
            self.asked = Some(Instant::now());
        }
        Ok(())
    }

    /// The answer, when it is there.
    ///
    /// # Errors
    /// As [`Worker::ask`].
    pub fn answer(&mut self) -> Result<Option<A>> {
        match self.answers.try_recv() {
            Ok(answer) => {
                let now = Instant::now();
                let asked = self.asked.take().unwrap_or(now);
                self.last = Some((now.saturating_duration_since(asked), now));
                Ok(Some(answer))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(ended()),
        }
    }

    /// How long it has been thinking; none if it is asked nothing.
    pub fn thinks(&self) -> Option<Duration> {
        self.asked.map(|asked| asked.elapsed())
    }

    /// Whether it has rested `times` as long as its last answer took.
    pub fn has_rested(&self, times: u32) -> bool {
        self.asked.is_none() && self.last.is_none_or(|(took, came)| came.elapsed() >= took * times)
    }
}

fn ended() -> anyhow::Error {
    anyhow!("the thread that looks at the segment ended; this is a mistake in shm-dump")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer<Q: Send + 'static, A: Send + 'static>(worker: &mut Worker<Q, A>) -> Result<A> {
        loop {
            if let Some(answer) = worker.answer()? {
                return Ok(answer);
            }
            thread::yield_now();
        }
    }

    #[test]
    fn nobody_waits_for_an_answer_that_does_not_come_yet() {
        let (release, held) = channel::<()>();
        let mut worker = Worker::start(move |number: u32| {
            let _ = held.recv();
            number + 1
        })
        .unwrap();
        worker.ask(1).unwrap();
        assert!(worker.answer().unwrap().is_none());
        assert!(worker.thinks().is_some() && !worker.has_rested(0));
        // Not asked: it still thinks.
        worker.ask(7).unwrap();
        release.send(()).unwrap();
        assert_eq!(answer(&mut worker).unwrap(), 2);
        assert!(worker.thinks().is_none() && worker.has_rested(0));
        assert!(worker.answer().unwrap().is_none());
        assert!(
            !worker.has_rested(u32::MAX),
            "the answer took some time, and that is not over so many times"
        );
    }

    #[test]
    fn thread_that_panicked_is_an_error() {
        let mut worker = Worker::start(|number: u32| 1 / (number - number)).unwrap();
        worker.ask(1).unwrap();
        assert!(answer(&mut worker).is_err());
    }
}
