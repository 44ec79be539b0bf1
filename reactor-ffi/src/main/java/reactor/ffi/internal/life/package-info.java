/**
 * How long the JVM lives: tokens that keep the JVM up, and actions that run before it ends. Knows the JDK only.
 *
 * <p>Words: a <i>token</i> keeps the JVM up until it is released; <i>ref</i> and <i>unref</i> move a count whose hold is
 * a token; to <i>linger</i> is to wait, before the JVM ends, until native threads are quiet.
 */
@NullMarked
package reactor.ffi.internal.life;

import org.jspecify.annotations.NullMarked;
