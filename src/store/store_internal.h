#pragma once
/* What the files of store/ share. */

#include "io/db.h"
#include "store/store.h"

struct Store {
        Db *db;
};
