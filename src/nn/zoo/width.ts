/**
 * How a network of images begins: as published for ImageNet, or with a 3×3 convolution at full resolution and no pooling, for small images.
 */
export type Stem = "imagenet" | "cifar";

/**
 * `channels` times the width multiplier, rounded to a multiple of 8 that is at least 8 and not more than a tenth too small: the rule of
 * MobileNet's authors.
 */
export function scaleChannels(channels: number, width: number): number {
  const scaled = channels * width;
  const rounded = Math.max(8, Math.floor((scaled + 4) / 8) * 8);
  return rounded < 0.9 * scaled ? rounded + 8 : rounded;
}
