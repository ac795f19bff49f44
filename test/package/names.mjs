import * as torch from "torchlet";

// Classes are called as they are exported, though the package's code is minified. Prints those that are not.
const isNamespace = (o) => o?.[Symbol.toStringTag] === "Module";
const strangers = (namespace) =>
  Object.entries(namespace).flatMap(([name, value]) => {
    if (isNamespace(value)) return strangers(value);
    return typeof value === "function" && /^[A-Z]/.test(name) && value.name !== name ? [`${name} is called ${value.name}`] : [];
  });
class Mine extends torch.nn.Linear {}
console.log(JSON.stringify([...strangers(torch), String(new Mine(2, 3))]));
