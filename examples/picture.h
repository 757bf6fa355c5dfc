/*
 * Pictures for heat.c: colours of values, and files. With -DPICTURE_PNG and
 * -lpng a file is a PNG; otherwise it is a PPM, which needs no library.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdio.h>

#ifdef PICTURE_PNG
#include <png.h>
#define PICTURE_NAME "heat.png"
#else
#define PICTURE_NAME "heat.ppm"
#endif

/* Map a value from 0 to 1 to black, violet, red, orange, pale yellow. Red,
 * green and blue are polynomials of degree 6, fitted in the colour space OKLab:
 * the lightness is linear, and equal steps of the value look equally large. */
static void picture_colour(double value, unsigned char rgb[3])
{
    static const double term[3][7] = {
        {0.03, 0.75, 1.58, 7.05, -22.82, 20.05, -5.65},
        {0.02, 0.40, -2.03, 1.08, 13.12, -18.88, 7.28},
        {0.07, 1.54, 1.80, -11.37, -4.99, 30.39, -16.63}};
    value = value < 0 ? 0 : value > 1 ? 1 : value;
    for (int i = 0; i < 3; i++) {
        double part = 0;
        for (int j = 6; j >= 0; j--)
            part = part * value + term[i][j];
        part = part < 0 ? 0 : part > 1 ? 1 : part;
        rgb[i] = (unsigned char)(255 * part + 0.5);
    }
}

/* Write rows of pixels, of 3 bytes each, from the top. Return 1; or 0 after a
 * message. */
static int picture_write(const char *name, const unsigned char *pixels,
                         unsigned width, unsigned height)
{
#ifdef PICTURE_PNG
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = width,
                       .height = height,
                       .format = PNG_FORMAT_RGB};
    if (png_image_write_to_file(&image, name, 0, pixels, 0, NULL))
        return 1;
    fprintf(stderr, "%s: %s\n", name, image.message);
    return 0;
#else
    FILE *file = fopen(name, "wb");
    int good = file != NULL &&
               fprintf(file, "P6\n%u %u\n255\n", width, height) > 0 &&
               fwrite(pixels, (size_t)3 * width, height, file) == height;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    if (!good)
        perror(name);
    return good;
#endif
}

#endif
