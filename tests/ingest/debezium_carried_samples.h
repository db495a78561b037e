// Samples of the types of carried_types.h, and of PostgreSQL's shapes: as the types that carry them
// print.
#pragma once

#include <string>
#include <vector>

#include "tests/ingest/debezium_samples.h"

namespace metadb::tests {

inline std::vector<Sample> shape_samples() {
  const std::string geometry = "io.debezium.data.geometry.Geometry";
  const std::string geography = "io.debezium.data.geometry.Geography";
  return {
      {"struct", geometry, source_type("BOX"),
       R"x({"wkb":"AQMAAAABAAAABQAAAAAAAAAAAPA/AAAAAAAAAEAAAAAAAADwPwAAAAAAABBAAAAAAAAACEAAAAAAAAAQQAAAAAAAAAhAAAAAAAAAAEAAAAAAAADwPwAAAAAAAABA","srid":null,"extensions":{"type":"box"}})x",
       "(3,4),(1,2)"},
      {"struct", geometry, source_type("BOX"),
       R"x({"wkb":"AQMAAAABAAAABQAAAJx1AIg85Dd+mpmZmZmZuT+cdQCIPOQ3fpqZmZmZmbk/AAAAAAAA8L9Z8/jCH26lgQAAAAAAAPC/mpmZmZmZuT+cdQCIPOQ3fpqZmZmZmbk/","srid":null,"extensions":{"type":"box"}})x",
       "(1e+300,0.1),(-1,-1e-300)"},
      {"struct", geometry, source_type("LSEG"),
       R"x({"wkb":"AQIAAAACAAAAAAAAAAAA8D8AAAAAAAAAQAAAAAAAAAhAAAAAAAAAEEA=","srid":null,"extensions":{"type":"lseg"}})x",
       "[(1,2),(3,4)]"},
      {"struct", geometry, source_type("LSEG"),
       R"x({"wkb":"AAAAAAIAAAACAAAAAAAAAAA/uZmZmZmZmv435DyIAHWcP/AAAAAAAAA=","srid":null,"extensions":{"type":"lseg"}})x",
       "[(0,0.1),(-1e+300,1)]"},
      {"struct", geometry, source_type("PATH"),
       R"x({"wkb":"AQIAAAADAAAAAAAAAAAA8D8AAAAAAAAAQAAAAAAAAAhAAAAAAAAAEEAAAAAAAAAUQJqZmZmZmbk/","srid":null,"extensions":{"type":"path","closed":"false"}})x",
       "[(1,2),(3,4),(5,0.1)]"},
      {"struct", geometry, source_type("PATH"),
       R"x({"wkb":"AQIAAAADAAAAAAAAAAAA8D8AAAAAAAAAQAAAAAAAAAhAAAAAAAAAEEAAAAAAAADwPwAAAAAAAABA","srid":null,"extensions":{"type":"path","closed":"true"}})x",
       "((1,2),(3,4),(1,2))"},
      {"struct", geometry, source_type("POLYGON"),
       R"x({"wkb":"AQMAAAABAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8AAAAAAADwPwAAAAAAAAAAAAAAAAAAAAA=","srid":null,"extensions":{"type":"polygon"}})x",
       "((0,0),(0,1),(1,1))"},
      {"struct", geometry, source_type("POLYGON"),
       R"x({"wkb":"AQMAAAABAAAAAgAAAAAAAAAAAPA/AAAAAAAA8H8AAAAAAADwPwAAAAAAAPB/","srid":null,"extensions":{"type":"polygon"}})x",
       "((1,Infinity))"},
      {"struct", geometry, "", R"({"wkb":"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==","srid":4326})",
       "\\x0101000020e6100000000000000000f03f0000000000000040"},
      {"struct", geometry, "", R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":3857})",
       "\\x0101000020110f0000000000000000f03f0000000000000040"},
      {"struct", geography, "", R"({"wkb":"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==","srid":4326})",
       "\\x0101000020e6100000000000000000f03f0000000000000040"},
      {"struct", geography, "", R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":3857})",
       "\\x0101000020110f0000000000000000f03f0000000000000040"},
      {"struct", geometry, source_type("GEOGRAPHY"),
       R"({"wkb":"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==","srid":4326})",
       "\\x0101000020e6100000000000000000f03f0000000000000040"},
      {"struct", geometry, source_type("GEOGRAPHY"),
       R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":3857})",
       "\\x0101000020110f0000000000000000f03f0000000000000040"},
      {"struct", geometry, "", R"({"wkb":"AAAAAAE/8AAAAAAAAEAAAAAAAAAA","srid":4326})",
       "\\x0020000001000010e63ff00000000000004000000000000000"},
      {"struct", geometry, "", R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null})",
       "\\x0101000000000000000000f03f0000000000000040"},
      {"struct", geometry, "", R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":0})",
       "\\x0101000000000000000000f03f0000000000000040"},
  };
}

inline std::vector<Sample> hstore_samples() {
  const std::string json = "io.debezium.data.Json";
  return {
      {"map", "", "", R"({"k":"v","n":null})", R"({"k": "v", "n": null})"},
      {"map", "", "", R"({"":"ü \"q\" \\","n":"NULL"})", R"({"": "ü \"q\" \\", "n": "NULL"})"},
      {"map", "", "", "{}", "{}"},
      {"map", "", "", "[[1,0.5],[3,2.0]]", "[[1, 0.5], [3, 2.0]]"},
      {"string", json, source_type("HSTORE"), R"("{\"k\":\"v\",\"n\":null}")",
       R"({"k": "v", "n": null})"},
      {"string", json, source_type("HSTORE"), R"("{}")", "{}"},
  };
}

inline std::vector<Sample> vector_samples() {
  const std::string wide = "io.debezium.data.DoubleVector";
  const std::string narrow = "io.debezium.data.FloatVector";
  const std::string sparse = "io.debezium.data.SparseDoubleVector";
  const std::string numbers = R"({"type":"double"})";
  return {
      {"array", wide, "", "[1.0,2.5]", "[1,2.5]", numbers},
      {"array", wide, "", "[0.1,-3.4028235E38,1.0E-45,1000000.0,123456.0,1.0E-5,1.0E-4]",
       "[0.1,-3.4028235e+38,1e-45,1e+06,123456,1e-05,0.0001]", numbers},
      {"array", wide, "", "[0.10000000149011612,-0.0]", "[0.1,-0]", numbers},
      {"array", narrow, source_type("HALFVEC"), "[1.0,-65504.0]", "[1,-65504]", numbers},
      {"array", narrow, source_type("HALFVEC"), "[0.099975586,5.9604645E-8]",
       "[0.099975586,5.9604645e-08]", numbers},
      {"array", narrow, "", "[1.0,2.5]", "[1,2.5]", numbers},
      {"array", narrow, "", "[]", "[]", numbers},
      {"struct", sparse, "", R"({"dimensions":5,"vector":[[1,0.5],[3,2.0]]})", "{1:0.5,3:2}/5"},
      {"struct", sparse, "", R"({"dimensions":32767,"vector":[[32767,0.1],[2,-1.0]]})",
       "{2:-1,32767:0.1}/32767"},
      {"struct", sparse, "", R"({"dimensions":5,"vector":[]})", "{}/5"},
      {"struct", "io.debezium.data.SparseVector", "", R"({"dimensions":1,"vector":[[1,1.0]]})",
       "{1:1}/1"},
      {"struct", "io.debezium.data.SparseVector", "", R"({"dimensions":1,"vector":[]})", "{}/1"},
  };
}

inline std::vector<Sample> text_type_samples() {
  return {
      {"string", "io.debezium.data.Ltree", "", R"("Top.Science")", "Top.Science"},
      {"string", "io.debezium.data.Ltree", "", R"("")", ""},
      {"string", "io.debezium.data.Xml", "", R"("<a b=\"c\">d</a>")", "<a b=\"c\">d</a>"},
      {"string", "io.debezium.data.Xml", "", R"("text")", "text"},
      {"string", "io.debezium.data.Tsvector", "", R"("'direct':6 'insert':8A")",
       "'direct':6 'insert':8A"},
      {"string", "io.debezium.data.Tsvector", "", R"("")", ""},
      {"string", "", source_type("EAN13"), R"("978-0-393-04002-9")", "978-0-393-04002-9"},
      {"string", "", source_type("EAN13"), R"("978-0-393-04002-8!")", "978-0-393-04002-8!"},
      {"string", "", source_type("ISBN13"), R"("978-0-393-04002-9")", "978-0-393-04002-9"},
      {"string", "", source_type("ISBN13"), R"("978-0-11-000533-4")", "978-0-11-000533-4"},
      {"string", "", source_type("ISMN13"), R"("979-0-2600-0043-8")", "979-0-2600-0043-8"},
      {"string", "", source_type("ISMN13"), R"("979-0-060-11561-5")", "979-0-060-11561-5"},
      {"string", "", source_type("ISSN13"), R"("977-1436-452-00-8")", "977-1436-452-00-8"},
      {"string", "", source_type("ISSN13"), R"("977-0317-847-00-1")", "977-0317-847-00-1"},
      {"string", "", source_type("ISBN"), R"("0-393-04002-X")", "0-393-04002-X"},
      {"string", "", source_type("ISBN"), R"("0-393-04002-X!")", "0-393-04002-X!"},
      {"string", "", source_type("ISMN"), R"("M-2600-0043-8")", "M-2600-0043-8"},
      {"string", "", source_type("ISMN"), R"("M-060-11561-5")", "M-060-11561-5"},
      {"string", "", source_type("ISSN"), R"("1436-4522")", "1436-4522"},
      {"string", "", source_type("ISSN"), R"("0317-8471")", "0317-8471"},
      {"string", "", source_type("UPC"), R"("220356483481")", "220356483481"},
      {"string", "", source_type("UPC"), R"("036000291452")", "036000291452"},
      {"string", "", source_type("CITEXT"), R"("aBc")", "aBc"},
      {"string", "", source_type("CITEXT"), R"("")", ""},
  };
}

// include.unknown.datatypes: bytes of their texts.
inline std::vector<Sample> unknown_type_samples() {
  return {
      {"bytes", "", source_type("TSVECTOR"), R"("J2EnOjFB")", R"x('a':1A)x"},
      {"bytes", "", source_type("TSVECTOR"), R"("")", R"x()x"},
      {"bytes", "", source_type("TSQUERY"), R"("J2EnICYgJ2In")", R"x('a' & 'b')x"},
      {"bytes", "", source_type("TSQUERY"), R"("")", R"x()x"},
      {"bytes", "", source_type("JSONPATH"), R"("JC4iYSI=")", R"x($."a")x"},
      {"bytes", "", source_type("JSONPATH"), R"("JA==")", R"x($)x"},
      {"bytes", "", source_type("PG_LSN"), R"("MTYvQjM3NEQ4NDg=")", R"x(16/B374D848)x"},
      {"bytes", "", source_type("PG_LSN"), R"("MC8w")", R"x(0/0)x"},
      {"bytes", "", source_type("PG_SNAPSHOT"), R"("MTA6MjA6MTAsMTQ=")", R"x(10:20:10,14)x"},
      {"bytes", "", source_type("PG_SNAPSHOT"), R"("MToxOg==")", R"x(1:1:)x"},
      {"bytes", "", source_type("TXID_SNAPSHOT"), R"("MTA6MjA6MTAsMTQ=")", R"x(10:20:10,14)x"},
      {"bytes", "", source_type("TXID_SNAPSHOT"), R"("MToxOg==")", R"x(1:1:)x"},
      {"bytes", "", source_type("XID8"), R"("MTg0NDY3NDQwNzM3MDk1NTE2MTU=")",
       R"x(18446744073709551615)x"},
      {"bytes", "", source_type("XID8"), R"("Mw==")", R"x(3)x"},
      {"bytes", "", source_type("INT4MULTIRANGE"), R"("e1sxLDMpLFs1LDcpfQ==")",
       R"x({[1,3),[5,7)})x"},
      {"bytes", "", source_type("INT4MULTIRANGE"), R"("e30=")", R"x({})x"},
      {"bytes", "", source_type("INT8MULTIRANGE"), R"("e1sxLDMpfQ==")", R"x({[1,3)})x"},
      {"bytes", "", source_type("INT8MULTIRANGE"), R"("e30=")", R"x({})x"},
      {"bytes", "", source_type("NUMMULTIRANGE"), R"("e1sxLjUwLDMpfQ==")", R"x({[1.50,3)})x"},
      {"bytes", "", source_type("NUMMULTIRANGE"), R"("e30=")", R"x({})x"},
      {"bytes", "", source_type("DATEMULTIRANGE"), R"("e1syMDE5LTAxLTAxLDIwMjAtMDEtMDEpfQ==")",
       R"x({[2019-01-01,2020-01-01)})x"},
      {"bytes", "", source_type("DATEMULTIRANGE"), R"("e30=")", R"x({})x"},
      {"bytes", "", source_type("TSMULTIRANGE"),
       R"("e1siMjAxOS0wMS0wMSAwMDowMDowMCIsaW5maW5pdHldfQ==")",
       R"x({["2019-01-01 00:00:00",infinity]})x"},
      {"bytes", "", source_type("TSMULTIRANGE"), R"("e30=")", R"x({})x"},
      {"bytes", "", source_type("TSTZMULTIRANGE"), R"("e1siMjAxOS0wMS0wMSAwMDowMDowMCswMCIsKX0=")",
       R"x({["2019-01-01 00:00:00+00",)})x"},
      {"bytes", "", source_type("TSTZMULTIRANGE"), R"("e30=")", R"x({})x"},
      {"bytes", "", source_type("LINE"), R"("ezEsLTEsMC4xfQ==")", R"x({1,-1,0.1})x"},
      {"bytes", "", source_type("LINE"), R"("ezAsMSwwfQ==")", R"x({0,1,0})x"},
      {"bytes", "", source_type("CIRCLE"), R"("PCgxLDIpLDAuMT4=")", R"x(<(1,2),0.1>)x"},
      {"bytes", "", source_type("CIRCLE"), R"("PCgwLDApLDA+")", R"x(<(0,0),0>)x"},
      {"bytes", "", source_type("BOX"), R"("KDMsNCksKDEsMik=")", R"x((3,4),(1,2))x"},
      {"bytes", "", source_type("BOX"), R"("KDAsMCksKDAsMCk=")", R"x((0,0),(0,0))x"},
      {"bytes", "", source_type("LSEG"), R"("WygxLDIpLCgzLDQpXQ==")", R"x([(1,2),(3,4)])x"},
      {"bytes", "", source_type("LSEG"), R"("WygwLDApLCgwLDApXQ==")", R"x([(0,0),(0,0)])x"},
      {"bytes", "", source_type("PATH"), R"("WygxLDIpLCgzLDQpXQ==")", R"x([(1,2),(3,4)])x"},
      {"bytes", "", source_type("PATH"), R"("KCgxLDIpKQ==")", R"x(((1,2)))x"},
      {"bytes", "", source_type("POLYGON"), R"("KCgwLDApLCgwLDEpLCgxLDEpKQ==")",
       R"x(((0,0),(0,1),(1,1)))x"},
      {"bytes", "", source_type("POLYGON"), R"("KCgxLDIpKQ==")", R"x(((1,2)))x"},
  };
}

// The same of extensions.
inline std::vector<Sample> unknown_extension_samples() {
  return {
      {"bytes", "", source_type("EAN13"), R"("OTc4LTAtMzkzLTA0MDAyLTk=")",
       R"x(978-0-393-04002-9)x"},
      {"bytes", "", source_type("EAN13"), R"("OTc4LTAtMzkzLTA0MDAyLTgh")",
       R"x(978-0-393-04002-8!)x"},
      {"bytes", "", source_type("ISBN13"), R"("OTc4LTAtMzkzLTA0MDAyLTk=")",
       R"x(978-0-393-04002-9)x"},
      {"bytes", "", source_type("ISBN13"), R"("OTc4LTAtMTEtMDAwNTMzLTQ=")",
       R"x(978-0-11-000533-4)x"},
      {"bytes", "", source_type("ISMN13"), R"("OTc5LTAtMjYwMC0wMDQzLTg=")",
       R"x(979-0-2600-0043-8)x"},
      {"bytes", "", source_type("ISMN13"), R"("OTc5LTAtMDYwLTExNTYxLTU=")",
       R"x(979-0-060-11561-5)x"},
      {"bytes", "", source_type("ISSN13"), R"("OTc3LTE0MzYtNDUyLTAwLTg=")",
       R"x(977-1436-452-00-8)x"},
      {"bytes", "", source_type("ISSN13"), R"("OTc3LTAzMTctODQ3LTAwLTE=")",
       R"x(977-0317-847-00-1)x"},
      {"bytes", "", source_type("ISBN"), R"("MC0zOTMtMDQwMDItWA==")", R"x(0-393-04002-X)x"},
      {"bytes", "", source_type("ISBN"), R"("MC0zOTMtMDQwMDItWCE=")", R"x(0-393-04002-X!)x"},
      {"bytes", "", source_type("ISMN"), R"("TS0yNjAwLTAwNDMtOA==")", R"x(M-2600-0043-8)x"},
      {"bytes", "", source_type("ISMN"), R"("TS0wNjAtMTE1NjEtNQ==")", R"x(M-060-11561-5)x"},
      {"bytes", "", source_type("ISSN"), R"("MTQzNi00NTIy")", R"x(1436-4522)x"},
      {"bytes", "", source_type("ISSN"), R"("MDMxNy04NDcx")", R"x(0317-8471)x"},
      {"bytes", "", source_type("UPC"), R"("MjIwMzU2NDgzNDgx")", R"x(220356483481)x"},
      {"bytes", "", source_type("UPC"), R"("MDM2MDAwMjkxNDUy")", R"x(036000291452)x"},
      {"bytes", "", source_type("VECTOR"), R"("WzEsMi41XQ==")", R"x([1,2.5])x"},
      {"bytes", "", source_type("VECTOR"), R"("WzBd")", R"x([0])x"},
      {"bytes", "", source_type("HALFVEC"), R"("WzEsMi41XQ==")", R"x([1,2.5])x"},
      {"bytes", "", source_type("HALFVEC"), R"("WzBd")", R"x([0])x"},
      {"bytes", "", source_type("SPARSEVEC"), R"("ezE6MC41fS81")", R"x({1:0.5}/5)x"},
      {"bytes", "", source_type("SPARSEVEC"), R"("e30vMQ==")", R"x({}/1)x"},
  };
}

}  // namespace metadb::tests
