// The body of stb_image, in a file of its own: a compiler's warnings about the
// code of others then stay apart from those about one's own.
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#include <stb_image.h>
