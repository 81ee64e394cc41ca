#pragma once
/* Scenario files, and job descriptions in their grammar. The grammar is described in README.md. */
#include <json-c/json.h>

#include "job.h"
#include "sim.h"

/* Times in o are relative to base. Says on stderr what is wrong with o. */
int scenario_read_job(World *w, json_object *o, const char *where, double base, Job **ret);
int scenario_load(Sim *sim, const char *file);
/* Fills the world with jobs by number: a history, jobs at work, a storm. */
int generate_jobs(World *w, json_object *o);
