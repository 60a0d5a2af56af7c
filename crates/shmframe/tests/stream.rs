//! Following as a stream, with a plain executor.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_core::Stream;
use shmframe::{FollowStream, Reader, Writer, arrow};
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};

fn segment(test: &str) -> (Writer, Reader) {
    let name = format!("test-stream-{test}-{}", std::process::id());
    let writer = Writer::create(&name).unwrap();
    (writer, Reader::open(&name).unwrap())
}

fn batch() -> RecordBatch {
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    RecordBatch::try_from_iter([("x", column)]).unwrap()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn poll(stream: &mut FollowStream) -> Poll<Option<u64>> {
    let waker = Arc::new(Unpark(thread::current())).into();
    let polled = Pin::new(stream).poll_next(&mut Context::from_waker(&waker));
    polled.map(|next| next.map(|snapshot| snapshot.unwrap().version()))
}

/// The next version: polls, and sleeps until it is woken.
fn next(stream: &mut FollowStream) -> Option<u64> {
    loop {
        match poll(stream) {
            Poll::Ready(next) => return next,
            Poll::Pending => thread::park(),
        }
    }
}

/// How many threads of this process wait for streams.
fn waiting() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "shmframe follow").count()
}

/// One test: it looks at the threads of the process.
#[test]
fn stream_gives_versions_wakes_its_task_and_ends_its_thread() {
    let (mut writer, reader) = segment("versions");
    let mut stream = reader.follow().into_stream().unwrap();
    assert_eq!(next(&mut stream), Some(1));
    assert_eq!(poll(&mut stream), Poll::Pending, "nothing newer");
    let putting = thread::spawn(move || {
        writer.put("t", &batch()).unwrap();
        writer
    });
    assert_eq!(next(&mut stream), Some(2), "the task was woken");
    let writer = putting.join().unwrap();
    assert_eq!(waiting(), 1);
    // Other streams of the reader, and of its clones, share the thread.
    let mut second = reader.clone().follow().into_stream().unwrap();
    let mut third = reader.follow().after(2).into_stream().unwrap();
    assert_eq!(next(&mut second), Some(2));
    assert_eq!((poll(&mut second), poll(&mut third)), (Poll::Pending, Poll::Pending));
    assert_eq!(waiting(), 1);
    let putting = thread::spawn(move || {
        let mut writer = writer;
        writer.put("t", &batch()).unwrap();
        writer
    });
    assert_eq!((next(&mut second), next(&mut third), next(&mut stream)), (Some(3), Some(3), Some(3)));
    let writer = putting.join().unwrap();
    drop((second, third));
    writer.remove_segment().unwrap();
    assert_eq!(next(&mut stream), None);
    assert_eq!(next(&mut stream), None, "ended for good");
    drop(stream);

    let (writer, reader) = segment("dropped");
    let mut stream = reader.follow().after(1).into_stream().unwrap();
    assert_eq!(poll(&mut stream), Poll::Pending);
    drop(stream);
    while waiting() > 0 {
        thread::yield_now();
    }
    writer.remove_segment().unwrap();
}
