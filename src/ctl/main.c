/* ftwatchctl: shows what the store knows. */

#include <locale.h>

#include "ctl/ctl.h"

int main(int argc, char *argv[]) {
        /* For the width of characters only: numbers and JSON are the same everywhere. */
        if (!setlocale(LC_CTYPE, ""))
                (void) setlocale(LC_CTYPE, "C");
        return ctl_main(argc, argv);
}
