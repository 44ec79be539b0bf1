package reactor.ffi.internal.loop;

/**
 * What a loop has done so far.
 *
 * @param turns turns that found work
 * @param tasks tasks run, delayed ones not counted
 * @param wakeUps how often the thread slept and was woken
 */
public record LoopCounters(long turns, long tasks, long wakeUps) {}
