#pragma once
/* What the files of store/ share. */

#include "io/db.h"
#include "store/store.h"

struct Store {
        Db *db;
};

/* For json_each(); NULL is the empty list. */
int store_list_to_text(char *const *list, char **ret);
