/**
 * The scheduler: its one thread, and how other threads wait for it.
 *
 * <p>Words of this package:
 * <ul>
 *   <li><i>turn</i>: the right to run on a scheduler, which its thread holds; also one pass of the loop that found work, in what
 *       is counted. The <i>baton</i> is the lock under the turn.
 *   <li><i>lend</i>: to give the turn away for the time of one {@code callBlocking}. The <i>owner</i> of a turn is the
 *       scheduler's thread, lent or not.
 *   <li><i>borrow</i>: to take a turn that is lent, on another thread.
 *   <li><i>resume</i>: the request of a borrower that has lent the turn in its own turn, and wants to go on.
 *   <li><i>caller</i>: a thread that waits until a call has run under the turn.
 *   <li><i>source</i>: what the loop drains, such as a subscription. An active source is looked at in each pass; an idle one has
 *       to signal.
 * </ul>
 */
@NullMarked
package reactor.ffi.internal.loop;

import org.jspecify.annotations.NullMarked;
