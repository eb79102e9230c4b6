// <refrain-player>: a picture or video before and after an edit. app/player.py writes the element and explains its attributes.

const ICON = {
  play: "M5 3v18l15-9z", pause: "M5 3h5v18H5zM14 3h5v18h-5z",
  back: "M6 4h3v16H6zM20 4v16L10 12z", on: "M15 4h3v16h-3zM4 4v16l10-8z",
  loop: "M7 7h9v3l5-4-5-4v3H5v7h2zm10 10H8v-3l-5 4 5 4v-3h11v-7h-2z",
  out: "M4 11h16v2H4z", in: "M11 4h2v7h7v2h-7v7h-2v-7H4v-2h7z", fit: "M3 3h7v2H5v5H3zm11 0h7v7h-2V5h-5zM3 14h2v5h5v2H3zm16 0h2v7h-7v-2h5z",
  sound: "M3 9v6h4l6 5V4L7 9zm13.5 3a4.500 4.500 0 0 0-2-3.700v7.400a4.500 4.500 0 0 0 2-3.700z",
  quiet: "M3 9v6h4l6 5V4L7 9zm12 .5 1.400-1.400L19 10.700l2.600-2.600L23 9.500 20.400 12l2.600 2.500-1.400 1.400L19 13.300l-2.600 2.600L15 14.500l2.600-2.500z",
};
const VIEWS = [["divider", "Divider"], ["side", "Side by side"], ["matte", "Matte"], ["difference", "Difference"]];
const KEYS = [["Space", "play or pause"], ["← →", "one frame"], ["Page Up, Page Down", "ten frames"], ["Home, End", "first, last frame"],
  ["L", "loop"], ["1 – 4", "views"], ["B", "hold: before only"], ["+ − 0", "zoom in, out, fit"], ["Shift + arrows", "move when zoomed"]];
const STILL_KEYS = [["← →", "move the divider"], ...KEYS.slice(5)];

// What a person chose holds for the next player of the page too, as a new turn makes a new one.
const chosen = { view: "divider", loop: true, speed: 1, muted: false, matte: 6, difference: 2 };

const icon = (name) => `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${ICON[name]}"/></svg>`;
const button = (name, label, more = "") => `<button type="button" data-do="${name}" aria-label="${label}" title="${label}" ${more}>${icon(name)}</button>`;
const safe = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
const media = (still, url, name) => still
  ? `<img class="media" src="${safe(url)}" alt="${safe(name)}" draggable="false">`
  : `<video class="media" src="${safe(url)}" aria-label="${safe(name)}" preload="auto" playsinline muted disablepictureinpicture></video>`;

class Player extends HTMLElement {
  static observedAttributes = ["before", "after", "matte"];

  connectedCallback() {
    this.build();
    this.mood = new MutationObserver(() => this.dress());
    this.mood.observe(document.body, { attributeFilter: ["class"] });
  }

  disconnectedCallback() {
    this.mood.disconnect();
    this.leave();
  }

  attributeChangedCallback() {
    if (!this.shadowRoot || this.due) return;
    this.due = true;
    queueMicrotask(() => { this.due = false; if (this.isConnected) this.build(); });
  }

  get still() { return !this.hasAttribute("marks"); }
  get frame() { return this.clock ? this.clock.frame : 0; }
  get playing() { return Boolean(this.clock?.playing); }
  get view() { return this.drawnView ?? "divider"; }
  show(frame) { return this.clock?.show(frame); }
  play() { return this.clock?.play(); }
  pause() { return this.clock?.pause(); }

  // When all pictures are there, and all videos stand where they were sent.
  async settled() {
    if (this.clock) await (this.clock.seeking ?? this.clock.ready);
    else await Promise.all([...this.shadowRoot.querySelectorAll("img")].map((picture) => picture.decode().catch(() => {})));
  }

  leave() {
    this.clock?.stop();
    this.clock = null;
    this.shadowRoot?.querySelectorAll("video").forEach((video) => { video.removeAttribute("src"); video.load(); });
  }

  build() {
    this.leave();
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const url = (name) => this.getAttribute(name);
    this.paired = Boolean(url("after"));
    this.views = this.paired ? VIEWS.filter(([name]) => name !== "matte" || url("matte")) : [];
    root.innerHTML = `<style>${STYLE}</style>${this.stageHtml(url)}${this.barHtml()}${this.keysHtml()}`;
    const find = (selector) => root.querySelector(selector);
    this.stage = find(".stage");
    this.parts = { before: find(".before .media"), after: find(".after .media"), matte: find(".matte .media"), divider: find(".divider"),
      canvas: find("canvas"), timeline: find(".timeline"), counter: find(".counter"), time: find(".clock"), amount: find(".amount"), fault: find(".fault") };
    this.zoom = new Zoom();
    this.drawing = null;
    this.style.setProperty("--width", this.getAttribute("width"));
    this.style.setProperty("--height", this.getAttribute("height"));
    this.dress();
    this.place(50);
    if (!this.still) this.startClock();
    this.listen(root);
    this.look(this.views.some(([name]) => name === chosen.view) ? chosen.view : "divider");
  }

  stageHtml(url) {
    const named = (name) => safe(this.getAttribute(`${name}-name`) ?? "");
    const what = `${this.still ? "Picture" : "Video"}: ${this.paired ? `${named("before")} and ${named("after")}` : named("before")}`;
    const pane = (name) => (url(name) ? `<div class="pane ${name}">${media(this.still, url(name), this.getAttribute(`${name}-name`) ?? name)}</div>` : "");
    return `<div class="stage" tabindex="0" role="group" aria-label="${what}">${pane("before")}${pane("after")}
      <div style="opacity:0" aria-hidden="true">${pane("matte")}</div>
      <canvas class="pane media" role="img" hidden></canvas>
      ${this.paired ? `<span class="name before" aria-hidden="true">${named("before")}</span><span class="name after" aria-hidden="true">${named("after")}</span>
      <div class="divider" role="slider" tabindex="0" aria-label="Divider between ${named("before")} and ${named("after")}" aria-valuemin="0" aria-valuemax="100"></div>` : ""}
      <p class="fault" role="alert" hidden></p></div>`;
  }

  barHtml() {
    const moving = this.still ? "" : `<div class="group">${button("back", "One frame back")}${button("play", "Play")}${button("on", "One frame on")}
      ${button("loop", "Loop", `aria-pressed="${chosen.loop}"`)}${this.hasAttribute("sound") ? button("sound", "Sound", `aria-pressed="${!chosen.muted}"`) : ""}
      <select class="speed" aria-label="Speed">${[0.1, 0.25, 0.5, 1, 2].map((n) => `<option value="${n}" ${n === chosen.speed ? "selected" : ""}>${n} ×</option>`).join("")}</select></div>
      <div class="group time"><input class="timeline" type="range" min="0" step="1" value="0" aria-label="Frame">
      <output class="numbers counter" aria-live="off"></output><span class="numbers clock"></span></div>`;
    const views = this.paired ? `<fieldset class="views"><legend>View</legend>${this.views.map(([name, label]) =>
      `<label class="choice"><input type="radio" name="view" value="${name}"><span>${label}</span></label>`).join("")}</fieldset>
      <input class="amount" type="range" min="0" step="1" hidden>` : "";
    return `<div class="bar">${moving}${views}<div class="group">${button("out", "Zoom out")}${button("fit", "Fit")}${button("in", "Zoom in")}
      <output class="numbers scale" aria-label="Zoom">100 %</output></div></div>`;
  }

  keysHtml() {
    const rows = (this.still ? STILL_KEYS : KEYS).map(([key, does]) => `<li><kbd>${key}</kbd> ${does}</li>`).join("");
    return `<details class="keys"><summary>Keys</summary><ul>${rows}</ul></details>`;
  }

  // Gradio says by a class of the body whether the page is dark; elsewhere the browser's wish holds.
  dress() {
    if (document.body.classList.contains("dark")) this.style.colorScheme = "dark";
    else if (document.querySelector("gradio-app, .gradio-container")) this.style.colorScheme = "light";
  }

  startClock() {
    const { before, after, matte, timeline } = this.parts;
    const frames = new Frames(this.getAttribute("marks").split(" ").map(Number));
    timeline.max = frames.count - 1;
    this.clock = new Clock([after, before, matte].filter(Boolean), frames, () => this.tell(), () => this.draw());
    this.clock.loop = chosen.loop;
    this.clock.speed = chosen.speed;
    this.clock.lead.muted = chosen.muted || !this.hasAttribute("sound");
    this.tell();
    this.clock.show(0);
  }

  // The numbers below the picture.
  tell() {
    const { frames, frame, playing } = this.clock;
    const { timeline, counter, time } = this.parts;
    timeline.value = frame;
    timeline.setAttribute("aria-valuetext", `frame ${frame + 1} of ${frames.count}`);
    counter.setAttribute("aria-live", playing ? "off" : "polite");
    counter.value = `${String(frame + 1).padStart(String(frames.count).length, "\u2007")} / ${frames.count}`;
    time.textContent = `${clock(frames.marks[frame])} / ${clock(frames.end)}`;
    if (this.wasPlaying !== playing) {
      this.wasPlaying = playing;
      const toggle = this.shadowRoot.querySelector('[data-do="play"]');
      toggle.innerHTML = icon(playing ? "pause" : "play");
      toggle.setAttribute("aria-label", playing ? "Pause" : "Play");
      toggle.title = playing ? "Pause" : "Play";
    }
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  look(view) {
    this.drawnView = view;
    if (!this.paired) { this.stage.classList.add("still"); return; }
    const drawn = view === "matte" || view === "difference";
    const { canvas, amount, divider } = this.parts;
    for (const [name] of VIEWS) this.stage.classList.toggle(`view-${name}`, name === view);
    this.shadowRoot.querySelector(`input[value="${view}"]`).checked = true;
    canvas.hidden = !drawn;
    divider.hidden = view !== "divider";
    this.shadowRoot.querySelectorAll(".name").forEach((name) => { name.hidden = drawn; });
    amount.hidden = !drawn;
    if (drawn) {
      amount.max = view === "matte" ? 10 : 6;
      amount.value = chosen[view];
      this.amount();
      canvas.setAttribute("aria-label", view === "matte" ? "What was changed, in red over the answer" : "Difference between before and after");
    }
    this.dressStage();
  }

  amount() {
    const { amount } = this.parts;
    const matte = this.view === "matte";
    chosen[this.view] = Number(amount.value);
    amount.setAttribute("aria-label", matte ? "Strength of the matte" : "Gain of the difference");
    amount.setAttribute("aria-valuetext", matte ? `${amount.value * 10} %` : `${2 ** amount.value} times`);
    amount.title = `${amount.getAttribute("aria-label")}: ${amount.getAttribute("aria-valuetext")}`;
    this.draw();
  }

  // Draws only when all videos show the same frame: a difference between two frames would be a lie.
  draw() {
    const { before, after, matte, canvas } = this.parts;
    if (!this.paired || canvas.hidden || (this.clock && !this.clock.inStep)) return;
    const width = after.videoWidth || after.naturalWidth, height = after.videoHeight || after.naturalHeight;
    if (!width || (this.still && ![before, after].every((picture) => picture.complete))) return;
    this.drawing ??= new Drawing(canvas, width, height);
    if (this.view === "difference") this.drawing.difference(before, after, chosen.difference);
    else this.drawing.matte(after, matte, chosen.matte / 10);
  }

  place(percent) {
    this.dividerAt = Math.max(0, Math.min(100, percent));
    this.style.setProperty("--divider", this.dividerAt);
    const { divider } = this.parts;
    if (!divider) return;
    divider.setAttribute("aria-valuenow", Math.round(this.dividerAt));
    divider.setAttribute("aria-valuetext", `${Math.round(this.dividerAt)} % before`);
  }

  dressStage() {
    const { stage, zoom } = this;
    stage.classList.toggle("zoomed", zoom.scale > 1);
    stage.classList.toggle("near", zoom.scale >= 4);
    if (this.view !== "divider") stage.classList.add("still"); else stage.classList.remove("still");
    this.shadowRoot.querySelectorAll(".media").forEach((piece) => { piece.style.transform = zoom.scale > 1 ? zoom.css : ""; });
    this.shadowRoot.querySelector(".scale").value = `${Math.round(zoom.scale * 100)} %`;
  }

  fail(name) {
    const { fault } = this.parts;
    fault.textContent = `“${this.getAttribute(`${name}-name`) ?? name}” cannot be shown here. Reload the page; if that does not help, download it and open it in a player.`;
    fault.hidden = false;
  }

  listen(root) {
    const { amount, timeline } = this.parts;
    for (const name of ["before", "after", "matte"]) {
      const piece = this.parts[name];
      piece?.addEventListener("error", () => this.fail(name));
      if (this.still) piece?.addEventListener("load", () => this.draw());
    }
    timeline?.addEventListener("input", () => this.clock.show(Number(timeline.value)));
    amount?.addEventListener("input", () => this.amount());
    root.querySelector(".speed")?.addEventListener("change", (event) => { chosen.speed = Number(event.target.value); this.clock.hurry(chosen.speed); });
    root.querySelectorAll('input[name="view"]').forEach((choice) => choice.addEventListener("change", () => { chosen.view = choice.value; this.look(choice.value); }));
    root.querySelectorAll("[data-do]").forEach((press) => press.addEventListener("click", () => this.act(press.dataset.do)));
    this.hands = new Hands(this);
  }

  act(what) {
    const { clock, zoom } = this;
    const doing = {
      play: () => (clock.playing ? clock.pause() : clock.play()),
      back: () => clock.show(clock.frame - 1), on: () => clock.show(clock.frame + 1),
      loop: () => this.press("loop", (clock.loop = chosen.loop = !chosen.loop)),
      sound: () => this.press("sound", !(clock.lead.muted = chosen.muted = !chosen.muted)),
      in: () => zoom.by(1.5), out: () => zoom.by(1 / 1.5), fit: () => zoom.fit(),
    };
    doing[what]();
    this.dressStage();
  }

  press(name, on) { this.shadowRoot.querySelector(`[data-do="${name}"]`)?.setAttribute("aria-pressed", on); }
}

if (!customElements.get("refrain-player")) customElements.define("refrain-player", Player);
