/** Who owns each storage, step by step. */
import type { OwnersStep, Role } from "../recording.ts";
import { singular, swatch } from "./categories.ts";
import { byId, bytes, hex, html, row } from "./dom.ts";
import { stepper } from "./stepper.ts";

const roles: readonly Role[] = ["handle", "view", "saved", "state"];

export function showOwners(steps: readonly OwnersStep[]): void {
  function show(i: number): void {
    const { title, text, code, storages } = steps[i]!;
    const before = new Map(steps[i - 1]?.storages.map((storage) => [storage.name, storage]));
    byId("owners-text").replaceChildren(
      html("p", { class: "strong" }, title),
      html("p", {}, text),
      html("pre", { class: "code" }, html("code", {}, code)),
    );
    const rows = storages.map(({ name, size, category, address, owners, isFree }) => {
      const total = roles.reduce((sum, role) => sum + owners[role], 0);
      const was = before.get(name)?.owners;
      const cells = roles.map((role) => {
        const changed = owners[role] !== (was?.[role] ?? 0);
        const marks = "●".repeat(owners[role]);
        return html(
          "td",
          { "data-role": role, class: changed ? "changed" : undefined },
          html("span", { class: "marks", "aria-hidden": "true" }, marks || "·"),
          html("span", { class: "hidden" }, String(owners[role])),
        );
      });
      return html(
        "tr",
        { "data-storage": name, class: isFree ? "gone" : undefined },
        html(
          "th",
          { scope: "row" },
          swatch(isFree ? "free" : category),
          html("span", { class: "name" }, name),
          html("small", {}, `${bytes(size)} ${singular[category]}`),
        ),
        ...cells,
        html("td", { class: "total" }, String(total)),
        html("td", { class: "where" }, isFree ? "free" : "in use", html("small", {}, hex(address))),
      );
    });
    byId("owners-table").replaceChildren(html("thead", {}, row("th", "storage", ...roles, "count", "block")), html("tbody", {}, ...rows));
  }

  stepper(byId("owners-controls"), { label: "Steps of the walk", steps: steps.length, name: (i) => steps[i]!.title, show });
}
