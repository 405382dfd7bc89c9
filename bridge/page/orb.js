// The orb follows the voice that is heard; it draws only while there is one.

// Returns a function that sets it going for as long as `call` is live; calling it again changes nothing.
export function orb(element, call) {
  let frame = 0;
  let smooth = 0;
  function animate() {
    if (!frame && call.live) frame = requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    const level = Math.min(1, Math.sqrt(call.level()) * 1.3);
    smooth += (level - smooth) * (level > smooth ? 0.5 : 0.15);
    element.style.setProperty("--level", (call.live ? smooth : 0).toFixed(3));
    animate();
  }
  return animate;
}
