// Colours on canvases. In: canvas elements. Out: how many pixels carry which colour.

import tinycolor from 'tinycolor2';

/** How far a painted colour may be from the one that was meant, in each of red, green and blue. */
const NEAR = 40;
/** Below this opacity, of 255, a pixel is taken for background. */
const FAINT = 24;

/** Every colour on the canvases, as one number, with the number of its pixels. */
export function painted(canvases) {
  const found = new Map();
  for (const canvas of canvases) {
    if (!canvas.width || !canvas.height) continue;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] < FAINT) continue;
      const key = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
      found.set(key, (found.get(key) ?? 0) + 1);
    }
  }
  return found;
}

/** How many of them are of about this colour. */
export function pixels(found, color) {
  const { r, g, b } = tinycolor(color).toRgb();
  let count = 0;
  for (const [key, times] of found) {
    const far = Math.max(Math.abs((key >> 16) - r), Math.abs(((key >> 8) & 255) - g), Math.abs((key & 255) - b));
    if (far <= NEAR) count += times;
  }
  return count;
}
