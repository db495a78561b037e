# Writes the migrations, in order of their numbers, as one C++ array.
# cmake -D DIR=... -D OUT=... -P embed_migrations.cmake
file(GLOB files ${DIR}/*.sql)
list(SORT files)
set(text "#include \"catalog/migrations.h\"\nnamespace metadb::catalog {\nstd::vector<Migration> migrations() {\n  return {\n")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "^0*([0-9]+)_.*" "\\1" number ${name})
  file(READ ${file} sql)
  string(APPEND text "      {${number}, \"${name}\", R\"sql(${sql})sql\"},\n")
endforeach()
string(APPEND text "  };\n}\n}  // namespace metadb::catalog\n")
file(WRITE ${OUT} "${text}")
