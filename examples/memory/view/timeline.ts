/** Live bytes by category, event by event. */
import type { Category, MemoryEvent, Training } from "../recording.ts";
import { categories, plural, singular, swatch } from "./categories.ts";
import { byId, bytes, count, drawing, drawn, hex, html, row, svg } from "./dom.ts";
import { stepper } from "./stepper.ts";

const HEIGHT = 300;
const STRIP = 34;
const MARGIN = { top: 40, right: 8, bottom: STRIP + 14, left: 58 };

/** Bytes in use after each event, by category; the first entry is before all of them. */
function liveBytes(events: readonly MemoryEvent[]): Map<Category, number[]> {
  const live = new Map(categories.map((c) => [c, [0]]));
  for (const { action, size, category } of events) {
    const by = action === "alloc" ? size : action === "free" ? -size : 0;
    for (const [c, line] of live) line.push(line.at(-1)! + (c === category ? by : 0));
  }
  return live;
}

function inWords({ action, size, kind, category, address }: MemoryEvent): string {
  const what = category === null ? "" : `${singular[category]}, ${kind}`;
  if (action === "alloc") return `${bytes(size)} allocated at ${hex(address)}: ${what}`;
  if (action === "free") return `${bytes(size)} freed at ${hex(address)}: ${what}`;
  return `A segment of ${bytes(size)} for ${kind}s ${action === "segment_alloc" ? "taken from" : "given back to"} the device, at ${hex(address)}`;
}

export function showTimeline({ events, phases, source }: Training): void {
  const live = liveBytes(events);
  const total = events.map((_, i) => categories.reduce((sum, c) => sum + live.get(c)![i + 1]!, 0));
  const peak = Math.max(...total);
  const shown = categories.filter((c) => live.get(c)!.some((n) => n > 0));
  let selected = total.indexOf(peak);
  let cursor: SVGElement | null = null;

  const lines = source.lines.map((text, i) =>
    html("li", { value: source.firstLine + i, "data-line": source.firstLine + i }, html("code", {}, text || " ")),
  );
  byId("timeline-source").replaceChildren(
    html("p", { class: "note" }, `examples/memory/programs/${source.file}`),
    html("ol", { class: "source", tabindex: 0, "aria-label": "The program" }, ...lines),
  );

  drawn(byId("timeline-chart"), (width) => {
    const chart = draw(width);
    const select = (e: PointerEvent): void => {
      const x = e.clientX - chart.getBoundingClientRect().left - MARGIN.left;
      go(Math.floor((x / (width - MARGIN.left - MARGIN.right)) * events.length));
    };
    chart.addEventListener("pointermove", select);
    chart.addEventListener("pointerdown", select);
    return chart;
  });

  function draw(width: number): SVGSVGElement {
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    const x = (event: number): number => MARGIN.left + (event / events.length) * (right - MARGIN.left);
    const y = (size: number): number => bottom - (size / peak) * (bottom - MARGIN.top);
    const parts: SVGElement[] = [];
    for (let tick = 0; tick <= peak; tick += 128 * 1024) {
      parts.push(
        svg("path", { class: "grid", d: `M${MARGIN.left} ${y(tick)}H${right}` }),
        svg("text", { x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" }, bytes(tick)),
      );
    }
    const base = new Array<number>(events.length).fill(0);
    for (const category of shown) {
      const line = live.get(category)!;
      const below = base.map((b, i) => `L${x(i + 1)} ${y(b)}L${x(i)} ${y(b)}`).reverse();
      for (let i = 0; i < events.length; i++) base[i]! += line[i + 1]!;
      const above = base.map((b, i) => `${i === 0 ? "M" : "L"}${x(i)} ${y(b)}L${x(i + 1)} ${y(b)}`);
      parts.push(svg("path", { class: `area ${category}`, d: `${above.join("")}${below.join("")}Z` }));
    }
    const thick = Math.min(2, 0.6 * (x(1) - x(0)));
    const middle = HEIGHT - STRIP / 2 - 2;
    parts.push(svg("path", { class: "grid", d: `M${MARGIN.left} ${middle}H${right}` }));
    parts.push(svg("text", { x: MARGIN.left - 8, y: middle - 4, "text-anchor": "end" }, "alloc"));
    parts.push(svg("text", { x: MARGIN.left - 8, y: middle + 12, "text-anchor": "end" }, "free"));
    events.forEach(({ action, size, category }, i) => {
      if (category === null) return;
      const length = 2 + (STRIP / 2 - 3) * (Math.log2(size) / Math.log2(65_536));
      const by = action === "alloc" ? -length : length;
      parts.push(svg("path", { class: `tick ${category}`, "stroke-width": thick, d: `M${x(i + 0.5)} ${middle}v${by}` }));
    });
    let from = 0;
    phases.forEach(({ step, name, end }, i) => {
      const first = phases[i - 1]?.step !== step;
      parts.push(svg("path", { class: first ? "boundary first" : "boundary", d: `M${x(from)} ${first ? 6 : 22}V${bottom}` }));
      const stepEnd = phases.findLast((phase) => phase.step === step)!.end;
      const whole = step === 0 ? name : `step ${step}`;
      if (first && x(stepEnd) - x(from) > 8 * whole.length) parts.push(svg("text", { x: x(from) + 5, y: 16 }, whole));
      if (step > 0 && x(end) - x(from) > 8 * name.length) parts.push(svg("text", { class: "faint", x: x(from) + 5, y: 33 }, name));
      from = end;
    });
    cursor = svg("path", { class: "cursor", d: `M0 ${MARGIN.top}V${HEIGHT}`, transform: `translate(${x(selected + 0.5)})` });
    const label = `Live bytes by category over ${events.length} events: at most ${bytes(peak)}`;
    return drawing(label, { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` }, ...parts, cursor);
  }

  function show(i: number): void {
    selected = i;
    const event = events[i]!;
    const phase = phases.find(({ end }) => i < end)!;
    const width = Math.max(240, byId("timeline-chart").clientWidth);
    const x = MARGIN.left + ((i + 0.5) / events.length) * (width - MARGIN.left - MARGIN.right);
    cursor?.setAttribute("transform", `translate(${x})`);
    byId("timeline-event").replaceChildren(
      html(
        "p",
        { class: "note" },
        `Event ${i + 1} of ${events.length}, ${phase.step === 0 ? phase.name : `step ${phase.step}, ${phase.name}`}`,
      ),
      html("p", { class: "strong" }, inWords(event)),
      html("p", { class: "note" }, `${event.place.file}:${event.place.line}`),
    );
    byId("timeline-live").replaceChildren(
      row("th", "In use after it", "bytes"),
      ...shown.map((c) =>
        html("tr", { "data-category": c }, html("td", {}, swatch(c), plural[c]), html("td", {}, count(live.get(c)![i + 1]!))),
      ),
      html("tr", { class: "sum" }, html("td", {}, "in all"), html("td", { id: "timeline-total" }, count(total[i]!))),
    );
    for (const line of lines) line.classList.toggle("current", Number(line.dataset["line"]) === event.place.line);
    const list = byId("timeline-source").querySelector("ol")!;
    const current = list.querySelector<HTMLElement>(".current");
    if (current !== null) list.scrollTop = current.offsetTop - list.offsetTop - list.clientHeight / 2;
  }

  const phaseEnd = (from: number): number | undefined => phases.map(({ end }) => end).find((end) => end > from && end < events.length);
  const go = stepper(byId("timeline-controls"), {
    label: "Events of the training",
    steps: events.length,
    start: selected,
    name: (i) => `event ${i + 1}: ${inWords(events[i]!)}`,
    show,
    jumps: [
      { label: "Peak", to: () => total.indexOf(peak) },
      { label: "Next phase", to: phaseEnd },
    ],
  });
}
