/** The formats that are decoded, by the extensions of their files. */
const EXTENSIONS = ["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "avif"];
const image = new RegExp(`\\.(${EXTENSIONS.join("|")})$`, "i");

/** Whether a file's name is that of an image, and not hidden. */
export const isImageName = (name: string): boolean => !name.startsWith(".") && image.test(name);

export const imageExtensions = EXTENSIONS.join(", ");
