/** Unit tests of the scheduler's room: thread, tasks, timers, the turn and those that wait for it. */
package reactor.ffi.internal.loop;
