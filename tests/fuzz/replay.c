/*
 * A plain main for the fuzzers, for every compiler and for valgrind: feeds LLVMFuzzerTestOneInput with each
 * file of the corpus, tests/fuzz/corpus/<name> for the program fuzz_<name>, or of the files and folders it
 * is given. A missing or empty corpus is an error: it would test nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

#define INPUT_MAX (16U * 1024 * 1024)

/* The buffer has exactly the size of the input, so that a sanitizer sees the first byte read beyond it. */
static int replay_file(const char *path, unsigned *n_inputs) {
        FILE *f = fopen(path, "re");
        if (!f)
                return -errno;

        struct stat st;
        if (fstat(fileno(f), &st) < 0) {
                int r = -errno;
                fclose(f);
                return r;
        }
        if (st.st_size > INPUT_MAX) {
                fclose(f);
                return -EFBIG;
        }

        size_t size = (size_t) st.st_size;
        uint8_t *data = malloc(size ? size : 1);
        size_t n = data ? fread(data, 1, size, f) : 0;
        fclose(f);
        if (!data || n != size) {
                free(data);
                return data ? -EIO : -ENOMEM;
        }

        (void) LLVMFuzzerTestOneInput(data, size);
        free(data);
        (*n_inputs)++;
        return 0;
}

static int replay_dir(const char *path, unsigned *n_inputs) {
        struct dirent **names = NULL;
        int n = scandir(path, &names, NULL, alphasort);
        if (n < 0)
                return -errno;

        int r = 0;
        for (int i = 0; i < n; i++) {
                char file[PATH_MAX];
                int len = snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
                if (r == 0 && names[i]->d_name[0] != '.')
                        r = len < (int) sizeof(file) ? replay_file(file, n_inputs) : -ENAMETOOLONG;
                if (r < 0)
                        fprintf(stderr, "%s: %s\n", file, strerror(-r));
                free(names[i]);
        }
        free(names);
        return r;
}

static int replay_path(const char *path, unsigned *n_inputs) {
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                r = -errno;
        else
                r = S_ISDIR(st.st_mode) ? replay_dir(path, n_inputs) : replay_file(path, n_inputs);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
        return r;
}

int main(int argc, char **argv) {
        unsigned n_inputs = 0;
        int r = 0;

        if (LLVMFuzzerInitialize)
                (void) LLVMFuzzerInitialize(&argc, &argv);

        for (int i = 1; i < argc && r == 0; i++)
                r = replay_path(argv[i], &n_inputs);

        if (argc < 2) {
                const char *name = strrchr(argv[0], '/'), *prefix = "fuzz_";
                name = name ? name + 1 : argv[0];
                if (strncmp(name, prefix, strlen(prefix)) == 0)
                        name += strlen(prefix);

                char path[PATH_MAX];
                if (snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", name) >= (int) sizeof(path))
                        return EXIT_FAILURE;
                r = replay_path(path, &n_inputs);
        }

        if (r == 0 && n_inputs == 0) {
                fprintf(stderr, "%s: no input to replay\n", argv[0]);
                r = -ENOENT;
        }
        printf("%u inputs replayed\n", n_inputs);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
