// What hands do on the stage of a player: pull the divider, move and pinch a zoomed picture, press keys.

class Hands {
  constructor(player) {
    this.player = player;
    this.stage = player.stage;
    this.down = new Map();   // pointers on the stage, where they were last
    const { stage } = this;
    stage.addEventListener("pointerdown", (event) => this.take(event));
    stage.addEventListener("pointermove", (event) => this.pull(event));
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.down.delete(event.pointerId));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    player.parts.divider?.addEventListener("keydown", (event) => this.divide(event));
    player.shadowRoot.addEventListener("keydown", (event) => this.key(event));
    player.shadowRoot.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "b") stage.classList.remove("flipped"); });
  }

  // A point of the window in its pane, 0 to 1 both ways.
  point(event) {
    const box = this.stage.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    return this.player.view === "side" ? { x: (2 * x) % 1, y } : { x, y };
  }

  take(event) {
    if (event.button) return;
    this.stage.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, event);
    this.dividing = this.player.view === "divider" && this.player.paired
      && (event.target === this.player.parts.divider || this.player.zoom.scale === 1);
    if (this.dividing) this.wish(event);
  }

  pull(event) {
    const last = this.down.get(event.pointerId);
    if (!last) return;
    const { zoom } = this.player;
    const box = this.stage.getBoundingClientRect();
    if (this.down.size === 2) this.pinch(event, last);
    else if (this.dividing) this.wish(event);
    else if (zoom.scale > 1) {
      const wide = this.player.view === "side" ? box.width / 2 : box.width;
      zoom.move((event.clientX - last.clientX) / wide, (event.clientY - last.clientY) / box.height);
      this.player.dressStage();
    }
    this.down.set(event.pointerId, event);
  }

  pinch(event, last) {
    this.dividing = false;
    const [other] = [...this.down.values()].filter((held) => held.pointerId !== event.pointerId);
    const far = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY) || 1;
    const { x, y } = this.point({ clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 });
    this.player.zoom.by(far(event) / far(last), x, y);
    this.player.dressStage();
  }

  // Moves the divider once a picture of the screen, however many messages a mouse sends.
  wish(event) {
    this.wished = event;
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.player.place(100 * this.point(this.wished).x);
    });
  }

  // The page scrolls with a plain wheel; with Ctrl, ⌘ or a pinch on a touchpad the picture grows.
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { x, y } = this.point(event);
    this.player.zoom.by(Math.exp(-event.deltaY / 200), x, y);
    this.player.dressStage();
  }

  divide(event) {
    const { player } = this;
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (step) player.place(player.dividerAt + step);
    else if (event.key === "Home") player.place(0);
    else if (event.key === "End") player.place(100);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { player } = this;
    const at = event.target;
    const own = at.matches("select, summary, .amount, input[type=radio]") && /^(Arrow|Page|Home|End| $|Enter)/.test(event.key);
    if (own || (at.matches("button") && /^( |Enter)$/.test(event.key))) return;
    const moved = event.shiftKey && { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (moved) player.zoom.move(moved[0] / 10, moved[1] / 10);
    else if (!this.zoomed(event.key) && !this.viewed(event.key) && !this.stepped(event)) return;
    player.dressStage();
    event.preventDefault();
  }

  zoomed(key) {
    const does = { "+": "in", "=": "in", "-": "out", "−": "out", 0: "fit" }[key];
    if (does) this.player.act(does);
    return does;
  }

  viewed(key) {
    const { player } = this;
    if (!player.paired) return false;
    if (key.toLowerCase() === "b") {
      this.stage.classList.add("flipped");
      return true;
    }
    const name = VIEWS[Number(key) - 1]?.[0];
    if (!player.views.some(([known]) => known === name)) return false;
    chosen.view = name;
    player.look(name);
    return true;
  }

  stepped(event) {
    const { clock } = this.player;
    if (!clock) {
      if (this.player.view === "divider" && this.player.paired && /^Arrow(Left|Right)$/.test(event.key)) this.divide(event);
      return event.defaultPrevented;
    }
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[event.key];
    if (step) clock.show(clock.frame + step);
    else if (event.key === " ") this.player.act("play");
    else if (event.key.toLowerCase() === "l") this.player.act("loop");
    else return false;
    return true;
  }
}
