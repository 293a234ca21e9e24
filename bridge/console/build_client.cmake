# cmake -D FOLDER=... -D FILES=client.js;... -D WORK=FOLDER -P build_client.cmake: makes the browser client.
#
# With npm from its sources, in WORK, which installs what that and the console need beside package.json where it is
# missing. Without npm a client that was built before (client/dist) is taken. Where neither is there
# the build goes on, for nothing but browsers lacks anything: FILES are then absent, and this says so.
set(console ${CMAKE_CURRENT_LIST_DIR})
set(built_before ${console}/client/dist/served)
foreach(file ${FILES})
  file(REMOVE ${FOLDER}/${file} ${FOLDER}/${file}.gz)
endforeach()

# What browsers are sent, plain and compressed; the same bytes whenever it is built. Where there is node it compresses, too: its
# zlib is what the size of the client is judged by, and gzip makes it larger.
set(compress "fs = require('fs'), file = process.argv[1], fs.writeFileSync(file + '.gz', zlib.gzipSync(fs.readFileSync(file), { level: 9 }))")
function(take from)
  foreach(file ${FILES})
    file(COPY_FILE ${from}/${file} ${FOLDER}/${file})
    if(node)
      execute_process(COMMAND ${node} -e "${compress}" ${FOLDER}/${file} COMMAND_ERROR_IS_FATAL ANY)
    else()
      execute_process(COMMAND gzip -9 -n -k -f ${FOLDER}/${file} COMMAND_ERROR_IS_FATAL ANY)
    endif()
  endforeach()
endfunction()

find_program(npm npm)
find_program(node node)
set(trouble "npm and node were not found")
if(npm AND node)
  set(failed 0)
  if(NOT EXISTS ${console}/node_modules/terser OR NOT EXISTS ${console}/node_modules/@vitejs/plugin-vue)
    execute_process(COMMAND ${npm} ci --no-audit --no-fund --no-progress
      WORKING_DIRECTORY ${console} RESULT_VARIABLE failed OUTPUT_QUIET)
    set(trouble "`npm ci` in bridge/console failed, as told above")
  endif()
  if(NOT failed)
    execute_process(COMMAND ${node} client/build.mjs ${WORK}/client
      WORKING_DIRECTORY ${console} RESULT_VARIABLE failed OUTPUT_QUIET)
    if(failed)
      message(FATAL_ERROR "the browser client does not build")
    endif()
    take(${WORK}/client/served)
    return()
  endif()
endif()

if(EXISTS ${built_before})
  take(${built_before})
  message(NOTICE "zwsbridge: ${trouble}; the client of an earlier build is taken (${built_before})")
else()
  message(NOTICE "zwsbridge: ${trouble}, so this build has no /client.js; all else is complete. "
    "For the client: apt-get install nodejs npm, then build again.")
endif()
