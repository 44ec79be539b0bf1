package reactor.ffi.internal.loop;

/**
 * What a loop has done so far.
 *
 * @param turns turns that found work
 * @param tasks tasks run, delayed ones not counted
 * @param wakeUps how often the thread slept and was woken
 * @param longestTurn how long the longest of those turns was that ended of late, in ns
 */
public record LoopCounters(long turns, long tasks, long wakeUps, long longestTurn) {}
