/**
 * One program that uses everything, run in forked JVMs whose environment is hard on native code: sanitizers,
 * collectors, JIT modes, small stacks.
 */
package reactor.ffi.environments;
