// Several videos of the same frames, kept on the same frame. The first leads, and is the one that is heard; the others follow.

// Which frame is shown at which time. marks: the start of every frame and the end of the last, in seconds.
class Frames {
  constructor(marks) {
    this.marks = marks;
    this.count = marks.length - 1;
    this.end = marks[this.count];
  }

  // The middle of a frame: a seek to its very start may, after rounding, show the frame before.
  middle(n) {
    return (this.marks[n] + this.marks[n + 1]) / 2;
  }

  at(time) {
    let low = 0, high = this.count - 1;
    while (low < high) {
      const n = (low + high + 1) >> 1;
      if (this.marks[n] <= time + 1e-3) low = n; else high = n - 1;
    }
    return low;
  }

  within(n) {
    return Math.max(0, Math.min(this.count - 1, n));
  }
}

const FAR = 0.3;      // seconds apart from which a follower jumps; less is made good by its speed
const NEAR = 0.004;   // seconds apart that nobody sees
const HURRY = 0.1;    // how much faster or slower a follower may run

class Clock {
  // told(): called when the frame, or whether it plays, has changed; drawn(): when a video shows another picture.
  constructor(videos, frames, told, drawn) {
    Object.assign(this, { videos, frames, told, drawn });
    this.lead = videos[0];
    this.frame = 0;        // the frame asked for, or shown while playing
    this.playing = false;
    this.loop = true;
    this.speed = 1;
    this.shown = new Map(videos.map((video) => [video, -1]));
    this.stopped = false;
    this.ready = Promise.all(videos.map((video) => new Promise((done) => {
      if (video.readyState >= 2) done();
      for (const name of ["loadeddata", "error"]) video.addEventListener(name, done, { once: true });
    })));
    videos.forEach((video) => this.watch(video));
  }

  // Notes which frame a video really shows, by the browser's word where it has one.
  watch(video) {
    const seen = (time) => {
      this.shown.set(video, this.frames.at(time));
      this.drawn();
    };
    if ("requestVideoFrameCallback" in video) {
      const note = (_, facts) => {
        if (this.stopped) return;
        seen(facts.mediaTime);
        video.requestVideoFrameCallback(note);
      };
      video.requestVideoFrameCallback(note);
    } else {
      video.addEventListener("seeked", () => seen(video.currentTime));
      video.addEventListener("timeupdate", () => seen(video.currentTime));
    }
  }

  get inStep() {
    const first = this.shown.get(this.lead);
    return this.videos.every((video) => this.shown.get(video) === first);
  }

  // Stops on frame n. While a seek is under way only the last wish is kept, so that a slider can be pulled.
  async show(n) {
    if (this.playing) this.halt();
    this.frame = this.frames.within(n);
    this.told();
    if (this.seeking) return this.seeking;
    this.seeking = this.follow();
    await this.seeking;
    this.seeking = null;
  }

  async follow() {
    let wanted;
    await this.ready;
    do {
      wanted = this.frame;
      await this.seek(this.frames.middle(wanted));
    } while (wanted !== this.frame && !this.stopped);
    this.videos.forEach((video) => this.shown.set(video, wanted));
    this.drawn();
  }

  seek(time) {
    return Promise.all(this.videos.map((video) => new Promise((done) => {
      if (video.error || this.stopped) return done();
      for (const name of ["seeked", "error", "emptied"]) video.addEventListener(name, done, { once: true });
      video.currentTime = time;
    })));
  }

  async play() {
    if (this.playing) return;
    this.playing = true;
    this.told();
    await (this.seeking ?? this.ready);
    if (this.frame >= this.frames.count - 1) await this.seek(this.frames.middle(0));
    if (this.playing) await this.start();
  }

  async start() {
    this.videos.forEach((video) => { video.playbackRate = this.speed; });
    try {
      await Promise.all(this.videos.map((video) => video.play()));
    } catch {
      this.halt();   // the browser does not let it play, or it was paused meanwhile
      this.told();
      return;
    }
    if (this.playing) this.tick();
  }

  halt() {
    this.playing = false;
    this.videos.forEach((video) => video.pause());
  }

  // Pauses on the frame that the lead shows, with the others on the same one.
  pause() {
    return this.show(this.frames.at(this.lead.currentTime));
  }

  tick() {
    if (!this.playing || this.stopped) return;
    const time = this.lead.currentTime;
    const frame = this.frames.at(time);
    if (frame !== this.frame) {
      this.frame = frame;
      this.told();
    }
    if (this.lead.ended || time >= this.frames.end) this.finish();
    else {
      this.videos.slice(1).forEach((video) => this.pull(video, time - video.currentTime));
      requestAnimationFrame(() => this.tick());
    }
  }

  pull(video, late) {
    if (Math.abs(late) > FAR && !video.seeking) video.currentTime = this.lead.currentTime;
    const hurry = Math.abs(late) < NEAR ? 0 : Math.max(-HURRY, Math.min(HURRY, 4 * late));
    const rate = this.speed * (1 + hurry);
    if (video.playbackRate !== rate) video.playbackRate = rate;
    if (video.paused && !video.ended && !video.seeking) video.play().catch(() => {});
  }

  async finish() {
    if (!this.loop) return this.show(this.frames.count - 1);
    this.videos.forEach((video) => video.pause());
    await this.seek(this.frames.middle(0));
    if (this.playing && !this.stopped) await this.start();
  }

  hurry(speed) {
    this.speed = speed;
    this.videos.forEach((video) => { video.playbackRate = speed; });
  }

  stop() {
    this.stopped = true;
    this.halt();
  }
}
