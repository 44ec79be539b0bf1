// How numbers and a stranger's text are written.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "scientific", maximumFractionDigits: 3 });

/** As many digits as help to read it. */
export function number(value) {
  const size = Math.abs(value);
  if (size >= 1e9 || (size < 0.01 && size > 0)) return short.format(value);
  return (size >= 1000 ? whole : decimal).format(value);
}

/** As many digits as tell marks apart that lie a step from each other, on an axis that reaches up to the size. */
export function mark(value, step, size) {
  if (value === 0) return "0";
  const digits = Math.min(17, Math.max(1, 1 + Math.ceil(Math.log10(size / step))));
  const notation = digits <= 4 && (size >= 1e6 || size < 1e-3) ? "scientific" : "standard";
  return new Intl.NumberFormat("en", { notation, maximumSignificantDigits: digits }).format(value);
}

// Controls and formats are not seen, and some of them turn the order of what follows. Emoji and Persian need U+200C and U+200D.
const UNSEEN = /(?![\t\n\r\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A stranger's text, with its unseen characters made visible. */
export function show(text) {
  return text.replace(UNSEEN, c => `‹U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

/** Names that begin alike differ at their ends. */
export function shorten(name) {
  const all = [...name];
  return all.length <= 40 ? name : `${all.slice(0, 14).join("")}…${all.slice(-25).join("")}`;
}

export function unitOf(name) {
  if (name.endsWith("-percent")) return "%";
  return name.endsWith("-mib") ? "MiB" : "";
}
