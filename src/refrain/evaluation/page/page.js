
"use strict";
// Players: one film holds all tiles of a case, so they cannot run apart. Every moment is drawn on the canvases.
(() => {
  let last = null; // the player that was used last

  function player(root) {
    const find = (name) => root.querySelector(name);
    const film = find(".film"), still = film.tagName === "IMG";
    const names = JSON.parse(root.dataset.tiles), rows = Number(root.dataset.rows);
    const fps = Number(root.dataset.fps), frames = Number(root.dataset.frames);
    const tiles = [...root.querySelectorAll(".tile canvas")], divided = find(".divided");
    const play = find(".play"), slider = find(".frame"), at = find(".at"), loop = find(".loop"), divide = find(".divide");
    const line = find(".line"), left = find(".left"), right = find(".right"), across = find(".divided canvas");
    let now = 0, wanted = null;

    if (!still) film.controls = false;

    function draw() {
      const columns = tiles[0].width;
      if (divided && !divided.hidden) {
        const pen = across.getContext("2d"), cut = Math.round(columns * line.value / 100);
        pen.drawImage(film, 0, rows * right.value, columns, rows, 0, 0, columns, rows);
        if (cut > 0) pen.drawImage(film, 0, rows * left.value, cut, rows, 0, 0, cut, rows);
        pen.fillStyle = "#fff"; pen.fillRect(cut - 1, 0, 2, rows);
        across.setAttribute("aria-label", names[left.value] + " left of the divider, " + names[right.value] + " right of it");
      } else {
        tiles.forEach((canvas, n) => canvas.getContext("2d").drawImage(film, 0, rows * n, columns, rows, 0, 0, columns, rows));
      }
      if (!still) { slider.value = now; at.textContent = (now + 1) + " / " + frames; }
    }

    function shown(seconds) { now = Math.min(frames - 1, Math.max(0, Math.floor(seconds * fps + 0.01))); draw(); }

    function go(frame) { // to a frame, counted from 0; beyond an end it comes in at the other
      film.pause();
      now = (frame + frames) % frames;
      slider.value = now; at.textContent = (now + 1) + " / " + frames;
      if (film.seeking) wanted = now; else film.currentTime = (now + 0.5) / fps;
    }

    function toggle() { if (film.paused) { pauseOthers(); film.play().catch(() => {}); } else film.pause(); }
    function pauseOthers() { document.querySelectorAll("video.film").forEach((other) => { if (other !== film) other.pause(); }); }
    function split(on) {
      if (!divided) return;
      divide.checked = on; divided.hidden = !on; find(".tiles").hidden = on; draw();
    }

    if (still) {
      if (film.complete) draw(); else film.addEventListener("load", draw);
    } else {
      const begin = () => shown(0);
      if (film.readyState >= 2) begin(); else film.addEventListener("loadeddata", begin, { once: true });
      film.addEventListener("seeked", () => {
        if (wanted !== null) { const frame = wanted; wanted = null; film.currentTime = (frame + 0.5) / fps; return; }
        if (film.paused) draw();
      });
      const state = () => { play.textContent = film.paused ? "play" : "pause"; };
      film.addEventListener("play", () => { state(); follow(); });
      film.addEventListener("pause", state);
      film.addEventListener("ended", state);
      const follow = () => {
        if (film.paused) return;
        if (film.requestVideoFrameCallback) film.requestVideoFrameCallback((_, told) => { if (!film.paused) shown(told.mediaTime); follow(); });
        else requestAnimationFrame(() => { shown(film.currentTime); follow(); });
      };
      play.addEventListener("click", toggle);
      find(".back").addEventListener("click", () => go(now - 1));
      find(".on").addEventListener("click", () => go(now + 1));
      slider.addEventListener("input", () => go(Number(slider.value)));
      loop.addEventListener("change", () => { film.loop = loop.checked; });
      new IntersectionObserver(([seen]) => { if (!seen.isIntersecting) film.pause(); }).observe(root);
      tiles.forEach((canvas) => canvas.addEventListener("click", toggle));
    }
    if (divided) {
      divide.addEventListener("change", () => split(divide.checked));
      [line, left, right].forEach((one) => one.addEventListener("input", draw));
      const drag = (event) => {
        if (event.type === "pointermove" && event.buttons === 0) return;
        const box = across.getBoundingClientRect();
        line.value = 100 * (event.clientX - box.left) / box.width; draw();
      };
      across.addEventListener("pointerdown", drag);
      across.addEventListener("pointermove", drag);
    }

    function key(event) {
      if (event.ctrlKey || event.altKey || event.metaKey) return false;
      const typed = event.key === " " ? "space" : event.key.toLowerCase();
      const inside = document.activeElement, range = inside.type === "range";
      if (typed === "d" && divided) { split(divided.hidden); return true; }
      if (still) return false;
      if (typed === "space" && !["BUTTON", "INPUT", "SELECT"].includes(inside.tagName)) { toggle(); return true; }
      if (typed === "space" && range) { toggle(); return true; }
      if (typed === "l") { loop.checked = film.loop = !film.loop; return true; }
      if (inside.tagName === "SELECT" || range) return false; // arrows are theirs
      const steps = { arrowright: now + 1, arrowleft: now - 1, home: 0, end: frames - 1 };
      if (typed in steps) { go(steps[typed]); return true; }
      return false;
    }
    root.addEventListener("pointerdown", () => { last = key; });
    root.addEventListener("focusin", () => { last = key; });
    return { root, key };
  }

  const players = [...document.querySelectorAll(".player")].map(player);
  document.addEventListener("keydown", (event) => {
    const here = players.find((one) => one.root.contains(document.activeElement));
    const heard = here ? here.key : document.activeElement === document.body ? last : null;
    if (heard && heard(event)) event.preventDefault();
  });
})();
