// Minifiers rename classes, and names of classes are seen: in the text of modules and optimizers, in the names of errors, in heap snapshots. A getter
// keeps the name, whatever the class is called in a bundle. Set from outside, the name would keep the class itself in bundles that do not use it.

const SOURCE = /\/src\/.*\.ts$/;
const EXPORTED = /^export (?:class (\w+)(?: extends [\w.]+)?|const (\w+) = class) \{/gm;
const named = (head, declared, assigned) => `${head} static get name() { return "${declared ?? assigned}"; }`;

/** A plugin for Vite. It comes after the compilation of TypeScript, to which such a getter is an error. */
export const classNames = () => ({
  name: "class-names",
  enforce: "post",
  transform: (code, id) => (SOURCE.test(id) ? { code: code.replace(EXPORTED, named), map: null } : null),
});
