/**
 * The hazards of {@code docs/hazards.md}: the same program over a bare upcall, to show that the hazard is real, and
 * over the library.
 */
package reactor.ffi.hazards;
