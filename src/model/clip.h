#pragma once
/* Foreign text and objects on their way into and out of the model: cleaned when read, shortened when
 * written, so that neither a hostile reply nor an honest long one makes anything behind it too large.
 * Internal to model/. */

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

/* What a member says, for a person: strings cleaned to max_chars, numbers as text. *ret stays NULL for
 * everything else, and for an empty string. */
int clip_member(json_object *o, const char *key, size_t max_chars, char **ret);

typedef struct ClipLimits {
        size_t n_members, key_chars, value_chars;
        size_t n_bytes;                 /* of the JSON text of all members that are taken */
        bool spell_nan;                 /* numbers that are not finite become "NaN", "Infinity", else null */
} ClipLimits;

/* A copy of the scalar members of o that fit, in their order. With
 * strings_only, only strings. *ret is NULL when o is no object or nothing of it is left. */
int clip_object(json_object *o, const ClipLimits *limits, bool strings_only, json_object **ret);

/* A copy of an identifier: not empty, at most JOB_ID_MAX bytes, nothing in it that would have to be cleaned.
 * *ret is NULL when the member is none. Identifiers are never changed: a shortened one is another one. */
int clip_id(json_object *o, const char *key, char **ret);

/* How many bytes o is as a text. */
int clip_measure(json_object *o, size_t *ret);

/* Adds s shortened to max_chars; null when there is nothing to say. */
int clip_add(json_object *o, const char *key, const char *s, size_t max_chars);
