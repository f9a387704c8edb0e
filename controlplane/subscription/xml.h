/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as XML 1.0 may hold it: markup escaped, what no XML document may contain (control
 * characters, bytes that aren't UTF-8) replaced, so that no peer's name can break a document of
 * ours. Pure.
 */
#ifndef TD_SUBSCRIPTION_XML_H
#define TD_SUBSCRIPTION_XML_H

#include "util/span.h"
#include "util/text.h"

/* Appends value so that it can stand as character data or in a quoted attribute. */
void xml_append(struct text *text, struct span value);
/* Appends ' name="value"'; nothing if value is empty. */
void xml_append_attribute(struct text *text, const char *name, struct span value);

#endif
